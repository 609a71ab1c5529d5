import { z } from 'zod';
import { boundedText } from './boundedText.js';
import { ChatCompletionRequest } from './chatCompletions.js';
import { tokenId } from './elements.js';

/**
 * `POST /tokenize` and `POST /detokenize`, which OpenAI does not have: with `content` as llama.cpp's server takes and
 * answers them, with `prompt` or `messages` as vLLM does.
 */

const model = z.string().min(1).nullish().describe('May be left out where there is only one.');
const withTexts = z.boolean().nullish().describe('Also return the text of each token.');

export const TokenizeContentRequest = z.looseObject({
  model,
  content: boundedText.describe("The text, in the form of llama.cpp's server."),
  add_special: z.boolean().nullish().describe('Add begin and end tokens; false by default.'),
  parse_special: z
    .boolean()
    .nullish()
    .describe('Texts such as `<|im_end|>` become control tokens; true by default.'),
  with_pieces: z.boolean().nullish().describe('Return each token as an object with its text.'),
});
export type TokenizeContentRequest = z.infer<typeof TokenizeContentRequest>;

export const TokenizeContentAnswer = z.object({
  tokens: z.union([
    z.array(z.int()),
    z.array(
      z.object({
        id: z.int(),
        piece: z
          .union([z.string(), z.array(z.int().min(0).max(255))])
          .describe('Text, or bytes where it is a part of a code point only.'),
      }),
    ),
  ]),
});
export type TokenizeContentAnswer = z.infer<typeof TokenizeContentAnswer>;

export const TokenizePromptRequest = z.looseObject({
  model,
  prompt: boundedText.describe('The text, in the form of vLLM.'),
  add_special_tokens: z.boolean().nullish().describe('Add begin and end tokens; true by default.'),
  return_token_strs: withTexts,
});
export type TokenizePromptRequest = z.infer<typeof TokenizePromptRequest>;

export const TokenizeMessagesRequest = z.looseObject({
  model,
  messages: ChatCompletionRequest.shape.messages,
  tools: ChatCompletionRequest.shape.tools,
  chat_template_kwargs: ChatCompletionRequest.shape.chat_template_kwargs,
  return_token_strs: withTexts,
});
export type TokenizeMessagesRequest = z.infer<typeof TokenizeMessagesRequest>;

export const TokenizePromptAnswer = z.object({
  count: z.int(),
  max_model_len: z.int().describe('Tokens of a context.'),
  tokens: z.array(z.int()),
  token_strs: z.array(z.string()).nullable().describe('With U+FFFD for a part of a code point.'),
});
export type TokenizePromptAnswer = z.infer<typeof TokenizePromptAnswer>;

export const DetokenizeBody = z.looseObject({
  model,
  tokens: z.array(tokenId).max(1_000_000).describe('Token ids of this model.'),
});
export type DetokenizeBody = z.infer<typeof DetokenizeBody>;

/** The same text for clients of both servers. */
export const DetokenizeAnswer = z.object({
  content: z.string().describe("The text, as llama.cpp's server names it."),
  prompt: z.string().describe('The same, as vLLM names it.'),
});
export type DetokenizeAnswer = z.infer<typeof DetokenizeAnswer>;
