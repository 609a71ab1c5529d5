import type { Socket } from 'node:net';
import type { WorkerPool } from '../../cluster/workerPool.js';
import { ApiError } from '../../protocol/apiError.js';
import { parseBody } from '../../protocol/parseBody.js';
import { HeartbeatRequest, internalPaths, JoinRequest } from '../../protocol/workerApi.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import type { Route } from './route.js';

export interface InternalNodesDeps {
  readonly pool: Pick<WorkerPool, 'join' | 'heartbeat' | 'disconnected'>;
  readonly isAllowedWorkerHost: (hostname: string) => boolean;
}

/**
 * Where workers join and send their heartbeats. A worker keeps one connection open for both; when the newest one of
 * an instance closes, the worker is gone, which is known at once instead of after a time-out.
 */
export function internalNodesRoutes({ pool, isAllowedWorkerHost }: InternalNodesDeps): Route[] {
  const newestSocket = new Map<string, Socket>();

  function watch(socket: Socket, nodeId: string, instanceId: string): void {
    if (newestSocket.get(nodeId) === socket) return;
    newestSocket.set(nodeId, socket);
    socket.once('close', () => {
      if (newestSocket.get(nodeId) !== socket) return;
      newestSocket.delete(nodeId);
      pool.disconnected(nodeId, instanceId, 'connection closed');
    });
  }

  return [
    {
      path: internalPaths.nodes,
      isInternal: true,
      methods: {
        POST: [
          ...parseJsonBody,
          (req, res) => {
            const request = parseBody(JoinRequest, req.body);
            const { hostname } = new URL(request.url);
            if (!isAllowedWorkerHost(hostname)) {
              const message = `Workers on '${hostname}' may not join: only loopback addresses may until API keys exist.`;
              throw new ApiError('invalid_value', { message, param: 'url' });
            }
            if (!pool.join(request)) throw new ApiError('node_id_taken');
            watch(req.socket, request.nodeId, request.instanceId);
            res.json({ ok: true });
          },
        ],
      },
    },
    {
      path: internalPaths.heartbeat,
      isInternal: true,
      methods: {
        POST: [
          ...parseJsonBody,
          (req, res) => {
            const nodeId = String(req.params['id']);
            const { instanceId, report } = parseBody(HeartbeatRequest, req.body);
            if (!pool.heartbeat(nodeId, instanceId, report)) throw new ApiError('node_not_found');
            watch(req.socket, nodeId, instanceId);
            res.json({ ok: true });
          },
        ],
      },
    },
  ];
}
