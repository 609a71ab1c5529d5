import { z } from 'zod';
import type { SampledLogprob, TokenLogprob } from '../generation.js';

const tokenLogprob = {
  token: z
    .string()
    .describe('As text; a token that is a part of a code point is U+FFFD here and whole in `bytes`.'),
  logprob: z.number().describe('Natural logarithm, of the model itself: before penalties and temperature.'),
  bytes: z.array(z.int()).describe('The token in UTF-8.'),
};

/** `logprobs` of a choice or a chunk of a chat completion: one entry a token. */
export const ChatLogprobs = z
  .object({
    content: z.array(
      z.object({
        ...tokenLogprob,
        top_logprobs: z.array(z.object(tokenLogprob)).describe('The most likely tokens at this place.'),
      }),
    ),
    refusal: z.null(),
  })
  .describe('One entry a token.');
export type ChatLogprobs = z.infer<typeof ChatLogprobs>;

export function toChatLogprobs(logprobs: readonly SampledLogprob[]): ChatLogprobs {
  return {
    content: logprobs.map((token) => ({ ...toEntry(token), top_logprobs: token.top.map(toEntry) })),
    refusal: null,
  };
}

function toEntry({ bytes, logprob }: TokenLogprob) {
  return { token: toTokenText(bytes), logprob, bytes: [...Buffer.from(bytes, 'base64')] };
}

/** The text of a token that is given as base64. */
export function toTokenText(bytes: string): string {
  return Buffer.from(bytes, 'base64').toString();
}
