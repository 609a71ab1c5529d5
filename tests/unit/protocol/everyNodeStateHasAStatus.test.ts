import { describe, expect, it } from 'vitest';
import { ClusterStatus, NodeState, nodeStatusOf } from '../../../src/protocol/clusterStatus.js';

describe('the status of a node', () => {
  it.each([
    ['joining', 'degraded'],
    ['loading', 'degraded'],
    ['ready', 'healthy'],
    ['busy', 'healthy'],
    ['suspect', 'degraded'],
    ['draining', 'degraded'],
    ['lost', 'offline'],
  ] as const)('is, in the state %s, %s', (state, status) => {
    expect(nodeStatusOf[state]).toBe(status);
  });

  it('is there for every state and no other', () => {
    expect(Object.keys(nodeStatusOf).sort()).toEqual([...NodeState.options].sort());
  });
});

describe('the status of the cluster', () => {
  const node = {
    id: 'worker_1',
    url: null,
    pid: null,
    state: 'joining',
    status: 'degraded',
    models: [],
    slots: { busy: 0, total: 0 },
    activeRequests: 0,
    tokensPerSecond: 0,
    uptimeSeconds: 0,
    lastHeartbeatMs: null,
    reason: null,
    drainRequested: false,
    weight: 1,
    breaker: 'closed',
    ejection: null,
  };
  const status = {
    status: 'ok',
    uptimeSeconds: 12,
    queue: { waiting: 0, limit: 512, models: [] },
    totals: { requests: 3, errors: 0, tokensPerSecond: 41.2 },
    nodes: [node],
  };

  it('shows a node that never joined', () => {
    expect(ClusterStatus.parse(status)).toEqual(status);
  });

  it('knows no other state', () => {
    expect(ClusterStatus.safeParse({ ...status, nodes: [{ ...node, state: 'gone' }] }).success).toBe(false);
  });
});
