import { z } from 'zod';

/** A model's tokenizer, as a worker offers it. */

export const TokenizeRequest = z.strictObject({
  model: z.string().min(1),
  text: z.string(),
  /** Whether text such as `<|im_end|>` becomes a control token, or is plain text as in a user's message. */
  special: z.boolean(),
  /** Also return each token's bytes. Default false. */
  withPieces: z.boolean().optional(),
});
export type TokenizeRequest = z.infer<typeof TokenizeRequest>;

export const TokenizeResponse = z.object({
  /** Without begin and end tokens. */
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
