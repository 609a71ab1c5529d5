import { z } from 'zod';
import { boundedText } from './boundedText.js';
import { ReadingUsage } from './embeddings.js';

/**
 * `POST /v1/rerank`, in the words of Cohere and Jina, or with `texts` in those of Hugging Face's TEI, which llama.cpp's
 * server takes too.
 */

const mostDocuments = 10_000;
const common = {
  /** The only model that ranks, where it is left out. */
  model: z.string().min(1).nullish(),
  query: boundedText.min(1),
  /** The best so many; 0: all. */
  top_n: z.int().min(0).nullish(),
};

export const RerankRequest = z.looseObject({
  ...common,
  documents: z
    .array(z.union([boundedText, z.looseObject({ text: boundedText })]))
    .min(1)
    .max(mostDocuments),
  return_documents: z.boolean().nullish(),
});
export type RerankRequest = z.infer<typeof RerankRequest>;

export const TextsRerankRequest = z.looseObject({
  ...common,
  texts: z.array(boundedText).min(1).max(mostDocuments),
  return_text: z.boolean().nullish(),
});
export type TextsRerankRequest = z.infer<typeof TextsRerankRequest>;

/** The best document first. */
export const RerankResult = z.object({
  id: z.string(),
  object: z.literal('list'),
  model: z.string(),
  results: z.array(
    z.object({
      /** The document's place in the request. */
      index: z.int(),
      relevance_score: z.number().min(0).max(1),
      document: z.object({ text: z.string() }).optional(),
    }),
  ),
  usage: ReadingUsage,
  /** Cohere counts a query with up to 100 documents as one unit. */
  meta: z.object({ billed_units: z.object({ search_units: z.int() }) }),
});
export type RerankResult = z.infer<typeof RerankResult>;

export const TextsRerankResult = z.array(
  z.object({ index: z.int(), score: z.number().min(0).max(1), text: z.string().optional() }),
);
export type TextsRerankResult = z.infer<typeof TextsRerankResult>;
