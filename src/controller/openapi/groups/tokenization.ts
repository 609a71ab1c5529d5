import { z } from 'zod';
import {
  DetokenizeAnswer,
  DetokenizeBody,
  TokenizeContentAnswer,
  TokenizeContentRequest,
  TokenizeMessagesRequest,
  TokenizePromptAnswer,
  TokenizePromptRequest,
} from '../../../protocol/openai/tokenization.js';
import { inferenceErrors } from '../errors.js';
import { question } from '../examples.js';
import { defineGroup } from '../operation.js';

export const tokenizationGroup = defineGroup({
  name: 'Tokens',
  description: 'Texts as the tokens of a model of any kind, and back. It needs no slot.',
  schemas: {
    TokenizeRequest: z.union([TokenizeContentRequest, TokenizePromptRequest, TokenizeMessagesRequest]),
    TokenizeContentRequest,
    TokenizePromptRequest,
    TokenizeMessagesRequest,
    TokenizeAnswer: z.union([TokenizeContentAnswer, TokenizePromptAnswer]),
    TokenizeContentAnswer,
    TokenizePromptAnswer,
    DetokenizeRequest: DetokenizeBody,
    DetokenizeAnswer,
  },
  operations: [
    {
      id: 'tokenize',
      method: 'POST',
      path: '/tokenize',
      summary: 'Turn a text into tokens',
      description:
        "With `content` as llama.cpp's server takes it, with `prompt` or `messages` as vLLM does: of messages, the tokens of the prompt of a chat completion. Also at `/v1/tokenize`.",
      request: { json: 'TokenizeRequest' },
      answers: {
        200: { description: 'The tokens, in the form that was asked in.', json: 'TokenizeAnswer' },
      },
      errors: inferenceErrors,
      examples: ({ generation: model }) => ({
        'A text': { body: { model, content: question, with_pieces: true } },
        'A text, as vLLM takes it': { body: { model, prompt: question } },
        'The prompt of a chat': { body: { model, messages: [{ role: 'user', content: question }] } },
      }),
    },
    {
      id: 'detokenize',
      method: 'POST',
      path: '/detokenize',
      summary: 'Turn tokens into a text',
      description: 'Also at `/v1/detokenize`.',
      request: { json: 'DetokenizeRequest' },
      answers: { 200: { description: 'The text.', json: 'DetokenizeAnswer' } },
      errors: inferenceErrors,
      examples: ({ generation: model }) => ({ 'Some tokens': { body: { model, tokens: [40, 41, 42] } } }),
    },
  ],
});
