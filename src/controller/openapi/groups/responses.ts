import { z } from 'zod';
import { ResponseEvent } from '../../../protocol/openai/responses/events.js';
import { InputItem } from '../../../protocol/openai/responses/inputItems.js';
import { Item, OutputItem } from '../../../protocol/openai/responses/items.js';
import { ResponseRequest, TextFormat } from '../../../protocol/openai/responses/request.js';
import { ResponseObject, ResponseUsage } from '../../../protocol/openai/responses/response.js';
import {
  DeletedResponse,
  InputItemList,
  InputItemsQuery,
  InputTokens,
  RetrieveQuery,
} from '../../../protocol/openai/responses/stored.js';
import { inferenceErrors, pageErrors } from '../errors.js';
import { question } from '../examples.js';
import { defineGroup } from '../operation.js';

const inputErrors = [
  ...inferenceErrors,
  'previous_response_not_found',
  'item_not_found',
  'tool_call_not_found',
] as const;
const response_id = 'resp_abc123';
const pathParameters = z.object({ response_id: z.string().describe('Of a response that was stored.') });
const weatherTool = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const format = {
  type: 'json_schema',
  name: 'capital',
  schema: {
    type: 'object',
    properties: { capital: { type: 'string', maxLength: 20 } },
    required: ['capital'],
  },
};

export const responsesGroup = defineGroup({
  name: 'Responses',
  description: 'A model goes on with a conversation that the server can keep.',
  schemas: {
    ResponseRequest,
    InputItem,
    TextFormat,
    Response: ResponseObject,
    ResponseEvent,
    ResponseUsage,
    OutputItem,
    Item,
    InputItemList,
    DeletedResponse,
    InputTokens,
  },
  operations: [
    {
      id: 'createResponse',
      method: 'POST',
      path: '/v1/responses',
      summary: 'Answer a conversation, and keep it',
      description:
        'With `stream: true` the answer comes as events with numbers from 0. The last one is `response.completed`, `response.incomplete`, or, of a stream that fails, `response.failed`; there is no `[DONE]`.',
      request: { json: 'ResponseRequest' },
      answers: { 200: { description: 'The response.', json: 'Response', events: 'ResponseEvent' } },
      errors: inputErrors,
      examples: ({ generation: model }) => ({
        'A question': { body: { model, input: question, max_output_tokens: 64 } },
        'An answer as it is generated': {
          body: { model, input: question, max_output_tokens: 64, stream: true },
        },
        'The next question': {
          body: {
            model,
            previous_response_id: response_id,
            input: 'And of Italy?',
            max_output_tokens: 64,
          },
        },
        'A function that the model may call': {
          body: {
            model,
            input: 'What is the weather in Rome?',
            tools: [weatherTool],
            max_output_tokens: 64,
          },
        },
        'An answer that fits a schema': {
          body: { model, input: question, text: { format }, max_output_tokens: 64 },
        },
      }),
    },
    {
      id: 'countInputTokens',
      method: 'POST',
      path: '/v1/responses/input_tokens',
      summary: 'Count the tokens of an input',
      description: 'Of the prompt that the same request would be; it may be longer than the context.',
      request: { json: 'ResponseRequest' },
      answers: { 200: { description: 'The count.', json: 'InputTokens' } },
      errors: inputErrors,
      examples: ({ generation: model }) => ({ 'A question': { body: { model, input: question } } }),
    },
    {
      id: 'retrieveResponse',
      method: 'GET',
      path: '/v1/responses/{response_id}',
      summary: 'Look up a response',
      description: 'Kept are responses that came to an end, unless `store` was false.',
      pathParameters,
      query: RetrieveQuery,
      answers: { 200: { description: 'The response.', json: 'Response', events: 'ResponseEvent' } },
      errors: ['response_not_found', 'invalid_value'],
      examples: () => ({
        'A response': { path: { response_id } },
        'Its events': { path: { response_id }, query: { stream: 'true' } },
      }),
    },
    {
      id: 'deleteResponse',
      method: 'DELETE',
      path: '/v1/responses/{response_id}',
      summary: 'Delete a response',
      description: 'With its own input and output. What went on from it can be read, but not be continued.',
      pathParameters,
      answers: { 200: { description: 'It is gone.', json: 'DeletedResponse' } },
      errors: ['response_not_found'],
      examples: () => ({ 'A response': { path: { response_id } } }),
    },
    {
      id: 'listInputItems',
      method: 'GET',
      path: '/v1/responses/{response_id}/input_items',
      summary: 'List what a response was made of',
      description: 'Earlier turns included. Items have ids of this server, not those that a client sent.',
      pathParameters,
      query: InputItemsQuery,
      answers: { 200: { description: 'A page of items.', json: 'InputItemList' } },
      errors: ['response_not_found', ...pageErrors],
      examples: () => ({ 'From the beginning': { path: { response_id }, query: { order: 'asc' } } }),
    },
    {
      id: 'cancelResponse',
      method: 'POST',
      path: '/v1/responses/{response_id}/cancel',
      summary: 'Cancel a response that runs in the background',
      description: 'None does here: always an error. Close the connection to end a response.',
      pathParameters,
      answers: {},
      errors: ['response_not_found', 'response_not_cancellable'],
    },
  ],
});
