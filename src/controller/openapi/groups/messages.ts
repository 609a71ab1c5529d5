import { MessageError } from '../../../protocol/anthropic/messageError.js';
import { ContentBlock, Message, MessageStreamEvent } from '../../../protocol/anthropic/messageEvents.js';
import {
  CountTokensRequest,
  MessagesRequest,
  RequestMessage,
  TokenCount,
} from '../../../protocol/anthropic/messages.js';
import { inferenceErrors } from '../errors.js';
import { question } from '../examples.js';
import { defineGroup } from '../operation.js';

const messages = [{ role: 'user', content: question }];
const weatherTool = {
  name: 'get_weather',
  description: 'The weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

export const messagesGroup = defineGroup({
  name: 'Messages',
  description:
    "Anthropic's Messages API on the same models. The headers `x-api-key`, `anthropic-version` and `anthropic-beta` are accepted.",
  schemas: {
    MessagesRequest,
    MessagesRequestMessage: RequestMessage,
    CountTokensRequest,
    Message,
    MessageStreamEvent,
    ContentBlock,
    TokenCount,
    MessageError,
  },
  errorSchema: 'MessageError',
  operations: [
    {
      id: 'createMessage',
      method: 'POST',
      path: '/v1/messages',
      summary: "Answer a conversation in Anthropic's way",
      description:
        'With `stream: true` the answer comes as events, each under its type as its name; the last one is `message_stop`. A stream that fails ends with the event `error`.',
      request: { json: 'MessagesRequest' },
      answers: {
        200: { description: 'The answer.', json: 'Message', events: 'MessageStreamEvent' },
      },
      errors: inferenceErrors,
      examples: ({ generation: model }) => ({
        'A question': { body: { model, max_tokens: 64, messages } },
        'An answer as it is generated': { body: { model, max_tokens: 64, messages, stream: true } },
        'A function that the model may call': {
          body: {
            model,
            max_tokens: 64,
            system: 'Be brief.',
            messages: [{ role: 'user', content: 'What is the weather in Rome?' }],
            tools: [weatherTool],
          },
        },
      }),
    },
    {
      id: 'countMessageTokens',
      method: 'POST',
      path: '/v1/messages/count_tokens',
      summary: 'Count the tokens of a prompt',
      description: 'As the template and the tokenizer of the model make it. It needs no slot.',
      request: { json: 'CountTokensRequest' },
      answers: { 200: { description: 'The count.', json: 'TokenCount' } },
      errors: inferenceErrors,
      examples: ({ generation: model }) => ({ 'A question': { body: { model, messages } } }),
    },
  ],
});
