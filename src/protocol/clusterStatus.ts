import { z } from 'zod';
import { NodeId } from './workerApi.js';

/** What operators see: the shapes of `GET /health` and `GET /cluster/status`. */

export const NodeStatus = z
  .enum(['healthy', 'degraded', 'offline'])
  .describe('Takes requests; does not take any now; is gone.');
export type NodeStatus = z.infer<typeof NodeStatus>;

/** Where a node is in its life; {@link nodeStatusOf} folds it to three words. */
export const NodeState = z
  .enum(['joining', 'loading', 'ready', 'busy', 'suspect', 'draining', 'lost'])
  .describe(
    '`busy` has no free slot, `suspect` is silent for 2.5 s or fails its health probes, `draining` stops or was drained, ' +
      '`lost` is silent for 6 s or its connection ended.',
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

export const BreakerState = z
  .enum(['closed', 'open', 'half_open'])
  .describe(
    '`open` after five failed requests in a row: no requests go there for a while; `half_open`: one is tried.',
  );
export type BreakerState = z.infer<typeof BreakerState>;

export const EjectionReason = z
  .enum(['failures', 'slow_first_token', 'slow_tokens'])
  .describe('In what the node does clearly worse than its peers.');
export type EjectionReason = z.infer<typeof EjectionReason>;

/** One node as operators see it. */
export const NodeDescription = z.object({
  id: z.string(),
  url: z.string().nullable().describe('Null for a node that never joined.'),
  pid: z.int().nullable().describe('As `url`.'),
  state: NodeState,
  status: NodeStatus,
  reason: z.string().nullable().describe('For people: why it is degraded, where the state does not say it.'),
  models: z.array(z.string()),
  slots: z.object({ busy: z.int(), total: z.int() }),
  activeRequests: z.int(),
  tokensPerSecond: z.number().describe('Over the last ten seconds.'),
  uptimeSeconds: z.number(),
  lastHeartbeatMs: z.number().nullable().describe('Milliseconds since the last heartbeat; null as `url`.'),
  drainRequested: z.boolean().describe('An operator drains it: it gets no new requests.'),
  weight: z
    .number()
    .describe(
      'The share of a full one that it gets of the requests: below 1 while it is new beside warm nodes.',
    ),
  breaker: BreakerState,
  ejection: z
    .object({ reason: EjectionReason, forMs: z.int().describe('How long it lasts still.') })
    .nullable()
    .describe('It is left out because it does worse than its peers.'),
});
export type NodeDescription = z.infer<typeof NodeDescription>;

export const ClusterStatus = z.object({
  status: z.enum([...readiness, 'draining']),
  uptimeSeconds: z.number(),
  queue: z
    .object({
      waiting: z.int(),
      limit: z.int().describe('For each model.'),
      models: z
        .array(
          z.object({
            model: z.string(),
            waiting: z.int(),
            batch: z.int().describe('Those of them that are batch work.'),
            promptBytes: z.int().describe('Of the prompts that wait.'),
            oldestWaitMs: z.number().describe('0 where nothing waits.'),
          }),
        )
        .describe('Of each model that was asked for since the start.'),
    })
    .describe('Requests that wait for a free slot, and how many may.'),
  totals: z
    .object({ requests: z.int(), errors: z.int(), tokensPerSecond: z.number() })
    .describe('Inference requests and failures since the start, and what is generated now.'),
  nodes: z.array(NodeDescription),
});
export type ClusterStatus = z.infer<typeof ClusterStatus>;

/** `POST /cluster/nodes`. */
export const AddNodeRequest = z.looseObject({
  id: NodeId.describe('The `--node-id` of the worker that is expected.'),
});
export type AddNodeRequest = z.infer<typeof AddNodeRequest>;

/** `DELETE /cluster/nodes/{id}`. */
export const RemovedNode = z.object({
  id: z.string(),
  removed: z.boolean().describe('False while requests still run there: it goes with the last one.'),
  activeRequests: z.int(),
});
export type RemovedNode = z.infer<typeof RemovedNode>;

/** Where operators change the nodes. */
export const nodePaths = {
  nodes: '/cluster/nodes',
  node: '/cluster/nodes/:id',
  drain: '/cluster/nodes/:id/drain',
  undrain: '/cluster/nodes/:id/undrain',
} as const;
