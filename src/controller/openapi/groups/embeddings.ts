import { EmbeddingList, EmbeddingsRequest, ReadingUsage } from '../../../protocol/openai/embeddings.js';
import { inferenceErrors } from '../errors.js';
import { defineGroup } from '../operation.js';

export const embeddingsGroup = defineGroup({
  name: 'Embeddings',
  description: 'Texts as vectors, by a model that makes embeddings.',
  schemas: { EmbeddingsRequest, EmbeddingList, ReadingUsage },
  operations: [
    {
      id: 'createEmbeddings',
      method: 'POST',
      path: '/v1/embeddings',
      summary: 'Turn texts into vectors',
      description: 'All inputs of a request are computed by one worker, one after another.',
      request: { json: 'EmbeddingsRequest' },
      answers: { 200: { description: 'One vector for each input.', json: 'EmbeddingList' } },
      errors: inferenceErrors,
      examples: ({ embedding: model }) => ({
        'A text': { body: { model, input: 'A bridge over the river' } },
        'Short vectors as base64': {
          body: {
            model,
            input: ['A bridge over the river', 'A cat on the roof'],
            dimensions: 32,
            encoding_format: 'base64',
          },
        },
      }),
    },
  ],
});
