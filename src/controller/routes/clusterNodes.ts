import type { Request, Response } from 'express';
import type { WorkerPool } from '../../cluster/workerPool.js';
import { ApiError } from '../../protocol/apiError.js';
import { AddNodeRequest, nodePaths, type RemovedNode } from '../../protocol/clusterStatus.js';
import { parseBody } from '../../protocol/parseBody.js';
import { describeNode } from '../describeNode.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import type { Route } from './route.js';

export interface ClusterNodesDeps {
  readonly pool: Pick<WorkerPool, 'views' | 'wish'>;
}

/** How operators change the nodes while the cluster runs: `/cluster/nodes`. */
export function clusterNodesRoutes({ pool }: ClusterNodesDeps): Route[] {
  const find = (id: string) => pool.views().find((node) => node.id === id);

  function wish(id: string, what: Parameters<WorkerPool['wish']>[1]): void {
    switch (pool.wish(id, what)) {
      case 'done':
        return;
      case 'unknown':
        throw new ApiError('node_not_found', { message: `There is no node '${id}'.` });
      case 'exists':
        throw new ApiError('node_exists', { message: `There is a node '${id}' already.` });
      case 'leaving':
        throw new ApiError('node_leaving');
    }
  }

  /** The node, which exists: nothing happens between the wish and its answer. */
  function sendNode(res: Response, id: string): void {
    const node = find(id);
    if (node) res.json(describeNode(node));
  }

  const wishFor = (what: 'drain' | 'undrain') => (req: Request, res: Response) => {
    const id = String(req.params['id']);
    wish(id, what);
    sendNode(res, id);
  };

  return [
    {
      path: nodePaths.nodes,
      access: 'admin',
      methods: {
        POST: [
          ...parseJsonBody,
          (req, res) => {
            const { id } = parseBody(AddNodeRequest, req.body);
            wish(id, 'add');
            sendNode(res, id);
          },
        ],
      },
    },
    {
      path: nodePaths.node,
      access: 'admin',
      methods: {
        DELETE: [
          (req, res) => {
            const id = String(req.params['id']);
            wish(id, 'remove');
            const left = find(id);
            const activeRequests = left ? describeNode(left).activeRequests : 0;
            res.json({ id, removed: !left, activeRequests } satisfies RemovedNode);
          },
        ],
      },
    },
    { path: nodePaths.drain, access: 'admin', methods: { POST: [wishFor('drain')] } },
    { path: nodePaths.undrain, access: 'admin', methods: { POST: [wishFor('undrain')] } },
  ];
}
