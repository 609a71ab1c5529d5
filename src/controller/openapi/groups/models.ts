import { z } from 'zod';
import { Model, ModelList } from '../../../protocol/openai/models.js';
import { defineGroup } from '../operation.js';

export const modelsGroup = defineGroup({
  name: 'Models',
  description: 'What can be asked for.',
  schemas: { Model, ModelList },
  operations: [
    {
      id: 'listModels',
      method: 'GET',
      path: '/v1/models',
      summary: 'List the models',
      answers: { 200: { description: 'All models that are served.', json: 'ModelList' } },
    },
    {
      id: 'retrieveModel',
      method: 'GET',
      path: '/v1/models/{id}',
      summary: 'Look up a model',
      pathParameters: z.object({
        id: z.string().describe('An id of the list; its slashes may be encoded or not.'),
      }),
      answers: { 200: { description: 'The model.', json: 'Model' } },
      errors: ['model_not_found'],
      examples: ({ generation }) => ({ 'A model of the list': { path: { id: generation } } }),
    },
  ],
});
