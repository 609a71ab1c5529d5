import { z } from 'zod';
import { TemplateOptions } from '../generateRequest.js';
import { boundedText } from './boundedText.js';
import { ChatCompletionRequest } from './chatCompletions.js';

/**
 * `POST /tokenize` and `POST /detokenize`, which OpenAI does not have: with `content` as llama.cpp's server takes and
 * answers them, with `prompt` or `messages` as vLLM does.
 */

/** The only model there is, where it is left out. */
const model = z.string().min(1).nullish();

export const TokenizeContentRequest = z.looseObject({
  model,
  content: boundedText,
  add_special: z.boolean().nullish(),
  parse_special: z.boolean().nullish(),
  with_pieces: z.boolean().nullish(),
});
export type TokenizeContentRequest = z.infer<typeof TokenizeContentRequest>;

export const TokenizeContentAnswer = z.object({
  tokens: z.union([
    z.array(z.int()),
    /** A piece is text, or bytes where it is a part of a code point only. */
    z.array(z.object({ id: z.int(), piece: z.union([z.string(), z.array(z.int().min(0).max(255))]) })),
  ]),
});
export type TokenizeContentAnswer = z.infer<typeof TokenizeContentAnswer>;

export const TokenizePromptRequest = z.looseObject({
  model,
  prompt: boundedText,
  add_special_tokens: z.boolean().nullish(),
  return_token_strs: z.boolean().nullish(),
});
export type TokenizePromptRequest = z.infer<typeof TokenizePromptRequest>;

export const TokenizeMessagesRequest = z.looseObject({
  model,
  messages: ChatCompletionRequest.shape.messages,
  tools: ChatCompletionRequest.shape.tools,
  chat_template_kwargs: TemplateOptions.nullish(),
  return_token_strs: z.boolean().nullish(),
});
export type TokenizeMessagesRequest = z.infer<typeof TokenizeMessagesRequest>;

export const TokenizePromptAnswer = z.object({
  count: z.int(),
  max_model_len: z.int(),
  tokens: z.array(z.int()),
  /** With U+FFFD for a part of a code point. */
  token_strs: z.array(z.string()).nullable(),
});
export type TokenizePromptAnswer = z.infer<typeof TokenizePromptAnswer>;

export const DetokenizeBody = z.looseObject({ model, tokens: z.array(z.int().min(0)).max(1_000_000) });
export type DetokenizeBody = z.infer<typeof DetokenizeBody>;

/** The same text for clients of both servers. */
export const DetokenizeAnswer = z.object({ content: z.string(), prompt: z.string() });
export type DetokenizeAnswer = z.infer<typeof DetokenizeAnswer>;
