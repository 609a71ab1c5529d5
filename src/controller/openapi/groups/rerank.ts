import { z } from 'zod';
import { ReadingUsage } from '../../../protocol/openai/embeddings.js';
import {
  RerankRequest,
  RerankResult,
  TextsRerankRequest,
  TextsRerankResult,
} from '../../../protocol/openai/rerank.js';
import { inferenceErrors } from '../errors.js';
import { defineGroup } from '../operation.js';

const query = 'Who crosses the river?';
const documents = ['A cat on the roof', 'A bridge over the river'];

export const rerankGroup = defineGroup({
  name: 'Reranking',
  description: 'Documents in the order in which they fit a query, by a model that ranks.',
  schemas: {
    RerankBody: z.union([RerankRequest, TextsRerankRequest]),
    RerankRequest,
    TextsRerankRequest,
    RerankAnswer: z.union([RerankResult, TextsRerankResult]),
    RerankResult,
    TextsRerankResult,
    ReadingUsage,
  },
  operations: [
    {
      id: 'rerank',
      method: 'POST',
      path: '/v1/rerank',
      summary: 'Sort documents by a query',
      description:
        "In the words of Cohere and Jina, or with `texts` in those of Hugging Face's TEI. Also at `/rerank`, `/v2/rerank`, `/v1/reranking` and `/reranking`.",
      request: { json: 'RerankBody' },
      answers: {
        200: {
          description: 'The best document first; with `texts` a bare list.',
          json: 'RerankAnswer',
        },
      },
      errors: inferenceErrors,
      examples: ({ ranking: model }) => ({
        Documents: { body: { model, query, documents, top_n: 1, return_documents: true } },
        'Texts, as TEI takes them': { body: { model, query, texts: documents } },
      }),
    },
  ],
});
