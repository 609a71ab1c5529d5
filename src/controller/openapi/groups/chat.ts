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
import { defineGroup } from '../operation.js';

const messages = [{ role: 'user', content: 'What is the capital of France?' }];

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
      examples: ({ generation }) => ({
        'A question': { body: { model: generation, messages } },
        'An answer as it is generated': { body: { model: generation, messages, stream: true } },
      }),
    },
  ],
});
