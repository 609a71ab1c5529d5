import type { Socket } from 'node:net';
import type { WorkerFates } from '../../cluster/workerFates.js';
import type { WorkerPool } from '../../cluster/workerPool.js';
import type { ControllerEvents } from '../../observability/events.js';
import { ApiError } from '../../protocol/apiError.js';
import { parseBody } from '../../protocol/parseBody.js';
import { HeartbeatRequest, internalPaths, JoinRequest, type NodeReport } from '../../protocol/workerApi.js';
import type { ResolveWorker } from '../upstream/resolveWorker.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import type { Route } from './route.js';

export interface InternalNodesDeps {
  readonly pool: Pick<WorkerPool, 'join' | 'heartbeat' | 'disconnected'>;
  readonly fates: Pick<WorkerFates, 'heard' | 'unlinked'>;
  readonly resolveWorker: ResolveWorker;
  readonly events: Pick<ControllerEvents, 'nodeHeard'>;
}

/** The connection that a worker keeps open. */
interface Link {
  readonly socket: Socket;
  readonly instanceId: string;
}

/**
 * Where workers join and send their heartbeats. A worker keeps one connection open for both; when the newest one of
 * an instance closes, the worker is gone, which is known at once instead of after a time-out.
 */
export function internalNodesRoutes({ pool, fates, resolveWorker, events }: InternalNodesDeps): Route[] {
  const newestLink = new Map<string, Link>();

  function watch(socket: Socket, nodeId: string, instanceId: string, { phase }: NodeReport): void {
    fates.heard(instanceId, { isDraining: phase === 'draining' });
    if (newestLink.get(nodeId)?.socket === socket) return;
    const link: Link = { socket, instanceId };
    newestLink.set(nodeId, link);
    socket.once('close', () => {
      const newest = newestLink.get(nodeId);
      const isReplaced = newest !== link && newest?.instanceId === instanceId;
      if (!isReplaced) fates.unlinked(instanceId);
      if (newest !== link) return;
      newestLink.delete(nodeId);
      pool.disconnected(nodeId, instanceId, 'connection closed');
    });
  }

  return [
    {
      path: internalPaths.nodes,
      access: 'cluster',
      isInternal: true,
      methods: {
        POST: [
          ...parseJsonBody,
          async (req, res) => {
            const request = parseBody(JoinRequest, req.body);
            events.nodeHeard('register');
            const address = await resolveWorker(request.url);
            // Its end would not be heard of any more.
            if (req.socket.destroyed) return;
            const joined = pool.join(request, address);
            if (joined === 'removed') throw new ApiError('node_removed');
            if (joined === 'taken') throw new ApiError('node_id_taken');
            watch(req.socket, request.nodeId, request.instanceId, request.report);
            res.json({ ok: true });
          },
        ],
      },
    },
    {
      path: internalPaths.heartbeat,
      access: 'cluster',
      isInternal: true,
      methods: {
        POST: [
          ...parseJsonBody,
          (req, res) => {
            const nodeId = String(req.params['id']);
            const { instanceId, report } = parseBody(HeartbeatRequest, req.body);
            events.nodeHeard('heartbeat');
            const heard = pool.heartbeat(nodeId, instanceId, report);
            if (heard === 'removed') throw new ApiError('node_removed');
            if (heard === 'unknown') {
              throw new ApiError('node_not_found', { message: 'This node has not joined: join again.' });
            }
            watch(req.socket, nodeId, instanceId, report);
            res.json({ ok: true });
          },
        ],
      },
    },
  ];
}
