import { z } from 'zod';
import {
  Batch,
  BatchError,
  BatchList,
  BatchListQuery,
  BatchRequest,
} from '../../../protocol/openai/batches.js';
import { bodyErrors, pageErrors } from '../errors.js';
import { defineGroup } from '../operation.js';

const batch_id = 'batch_abc123';
const pathParameters = z.object({ batch_id: z.string().describe('Of a batch that was created.') });

export const batchesGroup = defineGroup({
  name: 'Batches',
  description: 'Many requests in a file, which run behind all other requests.',
  schemas: { BatchRequest, Batch, BatchError, BatchList },
  operations: [
    {
      id: 'createBatch',
      method: 'POST',
      path: '/v1/batches',
      summary: 'Run the requests of a file',
      description: `Each line of the file is a request: \`{"custom_id":"r1","method":"POST","url":"/v1/chat/completions","body":{…}}\`, up to 10 MiB, up to 50,000 of them. Before any of them is run all are checked: \`custom_id\` is there once, \`url\` is the endpoint of the batch, the model exists, nothing is streamed. Otherwise the batch is \`failed\`, and \`errors\` names the lines.

The output file has a line \`{"id","custom_id","response":{"status_code","request_id","body"},"error"}\` for each request that was answered with 200, the error file for all others, both in the order of the input. A restart repeats the lines that were in flight, and no others.`,
      request: { json: 'BatchRequest' },
      answers: { 200: { description: 'The batch, which is `validating`.', json: 'Batch' } },
      errors: [...bodyErrors, 'server_is_draining'],
      examples: () => ({
        'A batch': {
          body: {
            input_file_id: 'file-abc123',
            endpoint: '/v1/chat/completions',
            completion_window: '24h',
          },
        },
      }),
    },
    {
      id: 'listBatches',
      method: 'GET',
      path: '/v1/batches',
      summary: 'List the batches',
      description: 'The newest first.',
      query: BatchListQuery,
      answers: { 200: { description: 'A page of batches.', json: 'BatchList' } },
      errors: pageErrors,
      examples: () => ({ 'The newest ten': { query: { limit: 10 } } }),
    },
    {
      id: 'retrieveBatch',
      method: 'GET',
      path: '/v1/batches/{batch_id}',
      summary: 'Look up a batch',
      pathParameters,
      answers: { 200: { description: 'The batch as it is now.', json: 'Batch' } },
      errors: ['object_not_found'],
      examples: () => ({ 'A batch': { path: { batch_id } } }),
    },
    {
      id: 'cancelBatch',
      method: 'POST',
      path: '/v1/batches/{batch_id}/cancel',
      summary: 'Cancel a batch',
      description:
        'What is finished is kept; the other lines are in no file. One that has come to another end cannot be cancelled: `invalid_value`.',
      pathParameters,
      answers: {
        200: { description: 'The batch, which is `cancelling`, then `cancelled`.', json: 'Batch' },
      },
      errors: ['object_not_found', 'invalid_value', 'origin_not_allowed', 'server_is_draining'],
      examples: () => ({ 'A batch': { path: { batch_id } } }),
    },
  ],
});
