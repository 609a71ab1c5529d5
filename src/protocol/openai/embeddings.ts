import { z } from 'zod';
import { boundedText } from './boundedText.js';
import { tokenId } from './elements.js';
import { modelName } from './sampling.js';

/** `POST /v1/embeddings`. */

const mostInputs = 2048;
const text = boundedText.min(1);
const tokens = z.array(tokenId).min(1);

export const EmbeddingsRequest = z.looseObject({
  model: modelName,
  input: z
    .union([text, z.array(text).min(1).max(mostInputs), tokens, z.array(tokens).min(1).max(mostInputs)])
    .describe('One input or several, each text or token ids. What is too long is refused, not cut.'),
  encoding_format: z
    .enum(['float', 'base64'])
    .nullish()
    .describe('`float` by default; the official clients ask for `base64` by themselves, and decode it.'),
  dimensions: z
    .int()
    .min(1)
    .nullish()
    .describe('The first so many numbers of each vector, scaled to length 1 again.'),
});
export type EmbeddingsRequest = z.infer<typeof EmbeddingsRequest>;

/** Of endpoints that read and do not write. */
export const ReadingUsage = z.object({ prompt_tokens: z.int(), total_tokens: z.int() });
export type ReadingUsage = z.infer<typeof ReadingUsage>;

export function toReadingUsage(promptTokens: number): ReadingUsage {
  return { prompt_tokens: promptTokens, total_tokens: promptTokens };
}

export const EmbeddingList = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.int().describe('The place of its input; the list is in this order.'),
      embedding: z
        .union([z.array(z.number()), z.string()])
        .describe('Numbers, or base64 of little-endian 32-bit floats; its length is 1.'),
    }),
  ),
  model: z.string(),
  usage: ReadingUsage,
});
export type EmbeddingList = z.infer<typeof EmbeddingList>;
