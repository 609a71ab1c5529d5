import { z } from 'zod';

/** What operators see: the shapes of `GET /health` and `GET /cluster/status`. */

export const NodeStatus = z
  .enum(['healthy', 'degraded', 'offline'])
  .describe('Takes requests; does not take any now; is gone.');
export type NodeStatus = z.infer<typeof NodeStatus>;

/** Where a node is in its life; {@link nodeStatusOf} folds it to three words. */
export const NodeState = z
  .enum(['joining', 'loading', 'ready', 'busy', 'suspect', 'draining', 'lost'])
  .describe(
    '`busy` has no free slot, `suspect` is silent for 2.5 s, `lost` for 6 s or its connection ended.',
  );
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

const readiness = ['ok', 'starting', 'unavailable'] as const;

export const HealthStatus = z.object({
  status: z.enum(readiness),
  version: z.string(),
  uptimeSeconds: z.number(),
  workers: z
    .object({ healthy: z.int(), degraded: z.int(), offline: z.int() })
    .describe('How many nodes have each status.'),
});
export type HealthStatus = z.infer<typeof HealthStatus>;

export const ReadyStatus = z.object({ ready: z.boolean(), status: z.enum([...readiness, 'draining']) });
export type ReadyStatus = z.infer<typeof ReadyStatus>;

export const ClusterStatus = z.object({
  status: z.enum([...readiness, 'draining']),
  uptimeSeconds: z.number(),
  queue: z
    .object({ waiting: z.int(), limit: z.int() })
    .describe('Requests that wait for a free slot, and how many may.'),
  totals: z
    .object({ requests: z.int(), errors: z.int(), tokensPerSecond: z.number() })
    .describe('Inference requests and failures since the start, and what is generated now.'),
  nodes: z.array(
    z.object({
      id: z.string(),
      url: z.string().nullable().describe('Null for a configured node that never joined.'),
      pid: z.int().nullable().describe('As `url`.'),
      state: NodeState,
      status: NodeStatus,
      models: z.array(z.string()),
      slots: z.object({ busy: z.int(), total: z.int() }),
      activeRequests: z.int(),
      tokensPerSecond: z.number().describe('Over the last ten seconds.'),
      uptimeSeconds: z.number(),
      lastHeartbeatMs: z
        .number()
        .nullable()
        .describe('Milliseconds since the last heartbeat; null as `url`.'),
    }),
  ),
});
export type ClusterStatus = z.infer<typeof ClusterStatus>;
