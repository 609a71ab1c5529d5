import { z } from 'zod';
import { ChatGenerateRequest } from './generateRequest.js';

/** A model's tokenizer, as a worker offers it. */

const common = {
  model: z.string().min(1),
  /** Also return each token's bytes. Default false. */
  withPieces: z.boolean().optional(),
};

export const TokenizeTextRequest = z.strictObject({
  ...common,
  text: z.string(),
  /** Whether text such as `<|im_end|>` becomes a control token, or is plain text as in a user's message. */
  special: z.boolean(),
  /** Whether the model's begin and end tokens are put around the text, as around a prompt. Default false. */
  withBounds: z.boolean().optional(),
});

/** A conversation as the model's template writes it, ready for the answer. */
export const TokenizeChatRequest = z.strictObject({
  ...common,
  chat: ChatGenerateRequest.pick({ messages: true, tools: true, toolChoice: true, templateOptions: true }),
});

export const TokenizeRequest = z.union([TokenizeTextRequest, TokenizeChatRequest]);
export type TokenizeTextRequest = z.infer<typeof TokenizeTextRequest>;
export type TokenizeChatRequest = z.infer<typeof TokenizeChatRequest>;
export type TokenizeRequest = z.infer<typeof TokenizeRequest>;

export const TokenizeResponse = z.object({
  tokens: z.array(z.int().min(0)),
  /** The bytes of each token, base64, because a token may be a part of a code point. */
  pieces: z.array(z.string()).optional(),
});
export type TokenizeResponse = z.infer<typeof TokenizeResponse>;

export const DetokenizeRequest = z.strictObject({
  model: z.string().min(1),
  tokens: z.array(z.int().min(0)),
});
export type DetokenizeRequest = z.infer<typeof DetokenizeRequest>;

/** Control tokens are written out; an incomplete code point is U+FFFD. */
export const DetokenizeResponse = z.object({ text: z.string() });
export type DetokenizeResponse = z.infer<typeof DetokenizeResponse>;
