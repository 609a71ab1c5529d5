import { z } from 'zod';
import { AddNodeRequest, NodeDescription, RemovedNode } from '../../../protocol/clusterStatus.js';
import { bodyErrors } from '../errors.js';
import { defineGroup, type Example } from '../operation.js';

const pathParameters = z.object({ id: z.string().describe('The id of the node, as `worker_1`.') });
const examples = (): Readonly<Record<string, Example>> => ({
  'The first worker': { path: { id: 'worker_1' } },
});

export const nodesGroup = defineGroup({
  name: 'Nodes',
  description: 'Change the nodes while the cluster runs.',
  access: 'admin',
  schemas: { AddNodeRequest, NodeDescription, RemovedNode },
  operations: [
    {
      id: 'drainNode',
      method: 'POST',
      path: '/cluster/nodes/{id}/drain',
      summary: 'Give a node no new requests',
      description: 'Those that run there may end. It stays drained when its worker is started again.',
      pathParameters,
      answers: { 200: { description: 'The node as it is now.', json: 'NodeDescription' } },
      errors: ['node_not_found'],
      examples,
    },
    {
      id: 'undrainNode',
      method: 'POST',
      path: '/cluster/nodes/{id}/undrain',
      summary: 'Give a drained node requests again',
      pathParameters,
      answers: { 200: { description: 'The node as it is now.', json: 'NodeDescription' } },
      errors: ['node_not_found', 'node_leaving'],
      examples,
    },
    {
      id: 'addNode',
      method: 'POST',
      path: '/cluster/nodes',
      summary: 'Expect a node',
      description: 'It is shown as `joining` until its worker joins. A node that was removed may join again.',
      request: { json: 'AddNodeRequest' },
      answers: { 200: { description: 'The node as it is now.', json: 'NodeDescription' } },
      errors: [...bodyErrors, 'node_exists', 'node_leaving'],
      examples: () => ({ 'A third worker': { body: { id: 'worker_3' } } }),
    },
    {
      id: 'removeNode',
      method: 'DELETE',
      path: '/cluster/nodes/{id}',
      summary: 'Drain a node and forget it',
      description:
        'It gets no new requests and goes with the last one that runs. Its worker may not join until the node is added again, or the controller was restarted.',
      pathParameters,
      answers: { 200: { description: 'Whether it is gone already.', json: 'RemovedNode' } },
      errors: ['node_not_found'],
      examples: () => ({ 'A third worker': { path: { id: 'worker_3' } } }),
    },
  ],
});
