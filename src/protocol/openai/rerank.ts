import { z } from 'zod';
import { boundedText } from './boundedText.js';
import { ReadingUsage } from './embeddings.js';

/**
 * `POST /v1/rerank`, in the words of Cohere and Jina, or with `texts` in those of Hugging Face's TEI, which llama.cpp's
 * server takes too.
 */

const mostDocuments = 10_000;
const common = {
  model: z.string().min(1).nullish().describe('May be left out where only one model ranks.'),
  query: boundedText.min(1).describe('What the documents are compared with.'),
  top_n: z.int().min(0).nullish().describe('Return the best so many; 0, or left out: all.'),
};

export const RerankRequest = z.looseObject({
  ...common,
  documents: z
    .array(z.union([boundedText, z.looseObject({ text: boundedText.describe('The document.') })]))
    .min(1)
    .max(mostDocuments)
    .describe('Texts, or objects with a `text`. What is too long is refused, not cut.'),
  return_documents: z.boolean().nullish().describe('Return each document with its result.'),
});
export type RerankRequest = z.infer<typeof RerankRequest>;

export const TextsRerankRequest = z.looseObject({
  ...common,
  texts: z.array(boundedText).min(1).max(mostDocuments).describe('In place of `documents`.'),
  return_text: z.boolean().nullish().describe('Return each text with its result.'),
});
export type TextsRerankRequest = z.infer<typeof TextsRerankRequest>;

/** The best document first. */
export const RerankResult = z.object({
  id: z.string(),
  object: z.literal('list'),
  model: z.string(),
  results: z.array(
    z.object({
      index: z.int().describe("The document's place in the request."),
      relevance_score: z.number().min(0).max(1),
      document: z.object({ text: z.string() }).optional(),
    }),
  ),
  usage: ReadingUsage,
  meta: z.object({
    billed_units: z.object({ search_units: z.int().describe('One for every 100 documents.') }),
  }),
});
export type RerankResult = z.infer<typeof RerankResult>;

export const TextsRerankResult = z.array(
  z.object({ index: z.int(), score: z.number().min(0).max(1), text: z.string().optional() }),
);
export type TextsRerankResult = z.infer<typeof TextsRerankResult>;
