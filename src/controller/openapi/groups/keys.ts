import { z } from 'zod';
import type { ErrorName } from '../../../protocol/apiError.js';
import {
  ApiKey,
  ApiKeyList,
  CreateKeyRequest,
  NewApiKey,
  UpdateKeyRequest,
} from '../../../protocol/apiKeys.js';
import { bodyErrors } from '../errors.js';
import { defineGroup, type Example } from '../operation.js';

const pathParameters = z.object({ id: z.string().describe('The id of the key, as `sk-0a1b2c3d4e`.') });
const exampleId = 'sk-0a1b2c3d4e';
const examples = (): Readonly<Record<string, Example>> => ({ 'One key': { path: { id: exampleId } } });
const refusals: readonly ErrorName[] = ['key_not_found', 'key_revoked'];

export const keysGroup = defineGroup({
  name: 'API keys',
  description:
    'Who may ask, for what and how much. Before the first key is made everybody may; when the last one was revoked, nobody.',
  access: 'admin',
  schemas: { ApiKey, ApiKeyList, CreateKeyRequest, NewApiKey, UpdateKeyRequest },
  operations: [
    {
      id: 'createKey',
      method: 'POST',
      path: '/admin/keys',
      summary: 'Make a key',
      description: 'Its text is in this answer and nowhere else, ever.',
      request: { json: 'CreateKeyRequest' },
      answers: { 200: { description: 'The key and its text.', json: 'NewApiKey' } },
      errors: bodyErrors,
      examples: () => ({
        'Without limits': { body: { name: 'My laptop' } },
        'For a team, with limits': {
          body: { name: 'Team blue', requestsPerMinute: 60, tokensPerDay: 1_000_000, priority: 'batch' },
        },
      }),
    },
    {
      id: 'listKeys',
      method: 'GET',
      path: '/admin/keys',
      summary: 'List the keys',
      answers: {
        200: {
          description: 'All keys in the order in which they were made, revoked ones too.',
          json: 'ApiKeyList',
        },
      },
    },
    {
      id: 'retrieveKey',
      method: 'GET',
      path: '/admin/keys/{id}',
      summary: 'Look up a key',
      pathParameters,
      answers: { 200: { description: 'The key.', json: 'ApiKey' } },
      errors: ['key_not_found'],
      examples,
    },
    {
      id: 'updateKey',
      method: 'PATCH',
      path: '/admin/keys/{id}',
      summary: 'Change what a key may do',
      description: 'What is not named stays as it is. Holds from the next request on.',
      pathParameters,
      request: { json: 'UpdateKeyRequest' },
      answers: { 200: { description: 'The key as it is now.', json: 'ApiKey' } },
      errors: [...bodyErrors, ...refusals],
      examples: () => ({
        'A lower limit': { path: { id: exampleId }, body: { requestsPerMinute: 10 } },
        'No daily budget any more': { path: { id: exampleId }, body: { tokensPerDay: null } },
      }),
    },
    {
      id: 'rotateKey',
      method: 'POST',
      path: '/admin/keys/{id}/rotate',
      summary: 'Give a key another secret',
      description: 'The old text opens nothing from here on. Id, settings, files and usage stay.',
      pathParameters,
      answers: { 200: { description: 'The key and its new text.', json: 'NewApiKey' } },
      errors: refusals,
      examples,
    },
    {
      id: 'disableKey',
      method: 'POST',
      path: '/admin/keys/{id}/disable',
      summary: 'Stop a key for a while',
      description: 'Requests that run are not cut off; the open lines of its batches fail.',
      pathParameters,
      answers: { 200: { description: 'The key as it is now.', json: 'ApiKey' } },
      errors: refusals,
      examples,
    },
    {
      id: 'enableKey',
      method: 'POST',
      path: '/admin/keys/{id}/enable',
      summary: 'Let a disabled key work again',
      pathParameters,
      answers: { 200: { description: 'The key as it is now.', json: 'ApiKey' } },
      errors: refusals,
      examples,
    },
    {
      id: 'revokeKey',
      method: 'POST',
      path: '/admin/keys/{id}/revoke',
      summary: 'Stop a key for good',
      description: 'It stays listed. Requests that run are not cut off; the open lines of its batches fail.',
      pathParameters,
      answers: { 200: { description: 'The key as it is now.', json: 'ApiKey' } },
      errors: ['key_not_found'],
      examples,
    },
  ],
});
