import {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionRequest,
  RequestMessage,
  ResponseFormat,
} from '../../../protocol/openai/chatCompletions.js';
import { ChatLogprobs } from '../../../protocol/openai/logprobs.js';
import { CompletionUsage } from '../../../protocol/openai/usage.js';
import { inferenceErrors } from '../errors.js';
import { question } from '../examples.js';
import { defineGroup } from '../operation.js';

const messages = [{ role: 'user', content: question }];
const weatherTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const response_format = {
  type: 'json_schema',
  json_schema: {
    name: 'capital',
    schema: {
      type: 'object',
      properties: { capital: { type: 'string', maxLength: 20 } },
      required: ['capital'],
    },
  },
};

export const chatGroup = defineGroup({
  name: 'Chat',
  description: 'A model goes on with a conversation.',
  schemas: {
    ChatCompletionRequest,
    ChatMessage: RequestMessage,
    ResponseFormat,
    ChatCompletion,
    ChatCompletionChunk,
    ChatLogprobs,
    CompletionUsage,
  },
  operations: [
    {
      id: 'createChatCompletion',
      method: 'POST',
      path: '/v1/chat/completions',
      summary: 'Answer a conversation',
      description:
        'With `stream: true` the answer comes as events with a chunk each, and a last one, `[DONE]`. A stream that fails ends with an event that has an `error`, without `[DONE]`.',
      request: { json: 'ChatCompletionRequest' },
      answers: {
        200: { description: 'The answer.', json: 'ChatCompletion', events: 'ChatCompletionChunk' },
      },
      errors: inferenceErrors,
      examples: ({ generation: model }) => ({
        'A question': { body: { model, messages, max_tokens: 64 } },
        'An answer as it is generated': { body: { model, messages, max_tokens: 64, stream: true } },
        'A function that the model may call': {
          body: {
            model,
            messages: [{ role: 'user', content: 'What is the weather in Rome?' }],
            tools: [weatherTool],
            max_tokens: 64,
          },
        },
        'An answer that fits a schema': { body: { model, messages, response_format, max_tokens: 64 } },
      }),
    },
  ],
});
