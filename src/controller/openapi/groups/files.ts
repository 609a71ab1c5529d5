import { z } from 'zod';
import {
  FileDeleted,
  FileForm,
  FileList,
  FileListQuery,
  FileObject,
} from '../../../protocol/openai/files.js';
import { pageErrors } from '../errors.js';
import { defineGroup } from '../operation.js';

const file_id = 'file-abc123';
const pathParameters = z.object({ file_id: z.string().describe('Of a file that was uploaded.') });

export const filesGroup = defineGroup({
  name: 'Files',
  description: 'What batches read and write.',
  schemas: { FileForm, File: FileObject, FileList, FileDeleted },
  operations: [
    {
      id: 'uploadFile',
      method: 'POST',
      path: '/v1/files',
      summary: 'Upload a file',
      description:
        'Up to 512 MiB, however long they take as long as they move. An upload that breaks off or stalls leaves nothing. Web pages of another origin cannot upload.',
      request: { form: 'FileForm' },
      answers: { 200: { description: 'The file.', json: 'File' } },
      errors: [
        'invalid_body',
        'unsupported_content_type',
        'body_too_large',
        'missing_required_parameter',
        'invalid_type',
        'invalid_value',
        'integer_below_min_value',
        'integer_above_max_value',
        'origin_not_allowed',
        'server_is_draining',
      ],
      examples: () => ({
        'The input of a batch': { body: { purpose: 'batch', file: '@requests.jsonl' } },
        'A file that deletes itself after a day': {
          body: {
            purpose: 'user_data',
            'expires_after[anchor]': 'created_at',
            'expires_after[seconds]': 86_400,
            file: '@requests.jsonl',
          },
        },
      }),
    },
    {
      id: 'listFiles',
      method: 'GET',
      path: '/v1/files',
      summary: 'List the files',
      query: FileListQuery,
      answers: { 200: { description: 'A page of files.', json: 'FileList' } },
      errors: pageErrors,
      examples: () => ({
        'The newest input of batches': { query: { purpose: 'batch', limit: 10 } },
      }),
    },
    {
      id: 'retrieveFile',
      method: 'GET',
      path: '/v1/files/{file_id}',
      summary: 'Look up a file',
      pathParameters,
      answers: { 200: { description: 'The file, without its content.', json: 'File' } },
      errors: ['object_not_found'],
      examples: () => ({ 'A file': { path: { file_id } } }),
    },
    {
      id: 'downloadFile',
      method: 'GET',
      path: '/v1/files/{file_id}/content',
      summary: 'Read a file',
      pathParameters,
      answers: { 200: { description: 'The bytes, as they were sent.', other: 'application/octet-stream' } },
      errors: ['object_not_found'],
      examples: () => ({ 'Its content': { path: { file_id } } }),
    },
    {
      id: 'deleteFile',
      method: 'DELETE',
      path: '/v1/files/{file_id}',
      summary: 'Delete a file',
      description: 'The input of a batch that still runs is kept: `invalid_value`.',
      pathParameters,
      answers: { 200: { description: 'It is gone.', json: 'FileDeleted' } },
      errors: ['object_not_found', 'invalid_value'],
      examples: () => ({ 'A file': { path: { file_id } } }),
    },
  ],
});
