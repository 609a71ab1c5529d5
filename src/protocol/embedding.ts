import { z } from 'zod';
import { Principal } from './generateRequest.js';

/** What a worker is asked of models that read whole texts: their vectors, or how well documents answer a query. */

const tokenCount = z.int().min(0);

export const EmbedRequest = z.strictObject({
  model: z.string().min(1),
  principal: Principal,
  /** Text gets the model's begin and end tokens; token ids are taken as they are. */
  inputs: z.array(z.union([z.string(), z.array(z.int().min(0)).min(1)])).min(1),
  /** So many of each vector's first numbers, scaled to length 1 again; null: all of them. */
  dimensions: z.int().min(1).nullable(),
});
export type EmbedRequest = z.infer<typeof EmbedRequest>;

export const EmbedResponse = z.object({
  /** One for each input, in their order, of length 1; as {@link encodeVector} writes them. */
  embeddings: z.array(z.string()),
  /** Of all inputs together, begin and end tokens included. */
  promptTokens: tokenCount,
});
export type EmbedResponse = z.infer<typeof EmbedResponse>;

export const RankRequest = z.strictObject({
  model: z.string().min(1),
  principal: Principal,
  query: z.string().min(1),
  documents: z.array(z.string()).min(1),
});
export type RankRequest = z.infer<typeof RankRequest>;

export const RankResponse = z.object({
  /** One for each document, in their order: how likely it answers the query. */
  scores: z.array(z.number().min(0).max(1)),
  /** Of all pairs of query and document together. */
  promptTokens: tokenCount,
});
export type RankResponse = z.infer<typeof RankResponse>;

const floatBytes = 4;

/** Base64 of 32-bit little-endian floats: a quarter of the size of JSON numbers, and what official clients ask for. */
export function encodeVector(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * floatBytes);
  for (const [index, value] of vector.entries()) bytes.writeFloatLE(value, index * floatBytes);
  return bytes.toString('base64');
}

export function decodeVector(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: Math.floor(bytes.length / floatBytes) }, (_, index) =>
    bytes.readFloatLE(index * floatBytes),
  );
}
