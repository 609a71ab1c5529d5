import { z } from 'zod';

/** What operators see: the shapes of `GET /health` and `GET /cluster/status`. */

export const NodeStatus = z.enum(['healthy', 'degraded', 'offline']);
export type NodeStatus = z.infer<typeof NodeStatus>;

/** Where a node is in its life; {@link nodeStatusOf} folds it to three words. */
export const NodeState = z.enum(['joining', 'loading', 'ready', 'busy', 'suspect', 'draining', 'lost']);
export type NodeState = z.infer<typeof NodeState>;

/** The one table that maps states to status. */
export const nodeStatusOf: Readonly<Record<NodeState, NodeStatus>> = {
  joining: 'degraded',
  loading: 'degraded',
  ready: 'healthy',
  busy: 'healthy',
  suspect: 'degraded',
  draining: 'degraded',
  lost: 'offline',
};

export const HealthStatus = z.object({
  status: z.enum(['ok', 'starting', 'unavailable']),
  version: z.string(),
  uptimeSeconds: z.number(),
  workers: z.object({ healthy: z.int(), degraded: z.int(), offline: z.int() }),
});
export type HealthStatus = z.infer<typeof HealthStatus>;

export const ClusterStatus = z.object({
  status: z.enum(['ok', 'starting', 'unavailable', 'draining']),
  uptimeSeconds: z.number(),
  queue: z.object({ waiting: z.int(), limit: z.int() }),
  totals: z.object({ requests: z.int(), errors: z.int(), tokensPerSecond: z.number() }),
  nodes: z.array(
    z.object({
      id: z.string(),
      url: z.string().nullable(),
      pid: z.int().nullable(),
      state: NodeState,
      status: NodeStatus,
      models: z.array(z.string()),
      slots: z.object({ busy: z.int(), total: z.int() }),
      activeRequests: z.int(),
      tokensPerSecond: z.number(),
      uptimeSeconds: z.number(),
      /** Milliseconds since the last heartbeat; null for a configured node that never joined. */
      lastHeartbeatMs: z.number().nullable(),
    }),
  ),
});
export type ClusterStatus = z.infer<typeof ClusterStatus>;
