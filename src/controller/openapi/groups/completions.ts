import { Completion, CompletionLogprobs, CompletionRequest } from '../../../protocol/openai/completions.js';
import { CompletionUsage } from '../../../protocol/openai/usage.js';
import { inferenceErrors } from '../errors.js';
import { defineGroup } from '../operation.js';

export const completionsGroup = defineGroup({
  name: 'Completions',
  description: 'A model goes on with a text.',
  schemas: { CompletionRequest, Completion, CompletionLogprobs, CompletionUsage },
  operations: [
    {
      id: 'createCompletion',
      method: 'POST',
      path: '/v1/completions',
      summary: 'Go on with a text',
      description: 'With `stream: true` as events, ended as those of chat completions.',
      request: { json: 'CompletionRequest' },
      answers: { 200: { description: 'The text.', json: 'Completion', events: 'Completion' } },
      errors: inferenceErrors,
      examples: ({ generation }) => ({
        'A sentence': { body: { model: generation, prompt: 'The capital of France is', max_tokens: 8 } },
      }),
    },
  ],
});
