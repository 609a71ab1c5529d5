import { beforeEach, describe, expect, it } from 'vitest';
import { WorkerPool, type PoolEvents } from '../../../src/cluster/workerPool.js';
import type { JoinRequest, ModelReport, NodeReport } from '../../../src/protocol/workerApi.js';
import { noPoolEvents } from '../../support/noPoolEvents.js';

type Change = Parameters<PoolEvents['nodeStateChanged']>[0];

let now: number;
let changes: Change[];
let pool: WorkerPool;

beforeEach(() => {
  now = 1_000;
  changes = [];
  pool = new WorkerPool({
    nodeIds: ['worker_1', 'worker_2'],
    now: () => now,
    events: { ...noPoolEvents, nodeStateChanged: (change) => changes.push(change) },
  });
});

function model(id = 'm', fields: Partial<ModelReport> = {}): ModelReport {
  return {
    id,
    kind: 'generation',
    slotsTotal: 2,
    slotsBusy: 0,
    contextTokens: 4096,
    loadSeconds: 1.5,
    memoryBytes: 1e8,
    fingerprint: `fp_${id}`,
    ...fields,
  };
}

function report(fields: Partial<NodeReport> = {}): NodeReport {
  return { phase: 'ready', uptimeSeconds: 3, models: [model()], ...fields };
}

function joinRequest(nodeId: string, instanceId: string, fields: Partial<JoinRequest> = {}): JoinRequest {
  return {
    nodeId,
    instanceId,
    url: 'http://127.0.0.1:8081',
    pid: 42,
    version: '0.1.0',
    report: report(),
    ...fields,
  };
}

const join = (nodeId = 'worker_1', instanceId = 'a', fields: Partial<JoinRequest> = {}) =>
  pool.join(joinRequest(nodeId, instanceId, fields));
const viewOf = (nodeId: string) => pool.views().find(({ id }) => id === nodeId);
const stateOf = (nodeId: string) => viewOf(nodeId)?.state;
const snapshotOf = (nodeId: string, modelId = 'm') =>
  pool.snapshotsFor(modelId).find((snapshot) => snapshot.nodeId === nodeId);

const healthy = {
  leftOutBecause: undefined,
  isProbeFailing: false,
  breaker: 'closed',
  ejection: undefined,
  weight: 1,
  failuresInARow: 0,
  sinceSuccessMs: undefined,
};

describe('a pool', () => {
  it('shows the nodes that it expects before any of them joined', () => {
    expect(pool.views()).toEqual(
      ['worker_1', 'worker_2'].map((id) => ({
        id,
        identity: undefined,
        state: 'joining',
        wish: 'serve',
        health: healthy,
        uptimeSeconds: 0,
        lastHeartbeatMs: undefined,
        models: [],
      })),
    );
    expect(pool.modelIds()).toEqual([]);
    expect(pool.tryClaim('worker_1', 'm')).toBeUndefined();
    expect(changes).toEqual([]);
  });

  it('shows a node as it reports itself', () => {
    expect(join()).toBe('joined');
    now += 420.4;
    expect(viewOf('worker_1')).toEqual({
      id: 'worker_1',
      identity: {
        url: 'http://127.0.0.1:8081',
        advertisedUrl: 'http://127.0.0.1:8081',
        metricsUrl: 'http://127.0.0.1:8081',
        pid: 42,
        instanceId: 'a',
      },
      state: 'ready',
      wish: 'serve',
      health: healthy,
      uptimeSeconds: 3,
      lastHeartbeatMs: 420,
      models: [{ ...model(), leased: 0, tokensPerSecond: 0 }],
    });
    expect(changes).toEqual([{ nodeId: 'worker_1', from: 'joining', to: 'ready', reason: 'joined' }]);
  });

  it('takes in nodes that it did not expect, behind the others', () => {
    expect(join('gpu-box')).toBe('joined');
    expect(pool.views().map(({ id }) => id)).toEqual(['worker_1', 'worker_2', 'gpu-box']);
  });

  it('lists each model once, in the order of nodes', () => {
    join('worker_2', 'b', { report: report({ models: [model('x'), model('m')] }) });
    join('worker_1', 'a', { report: report({ models: [model('m'), model('y')] }) });
    expect(pool.modelIds()).toEqual(['m', 'y', 'x']);
  });
});

describe('a heartbeat', () => {
  it('renews what is known of the node', () => {
    join('worker_1', 'a', { report: report({ phase: 'loading', models: [] }) });
    expect(stateOf('worker_1')).toBe('loading');
    now += 1_000;
    expect(pool.heartbeat('worker_1', 'a', report({ uptimeSeconds: 4 }))).toBe('heard');
    expect(viewOf('worker_1')).toMatchObject({ state: 'ready', uptimeSeconds: 4, lastHeartbeatMs: 0 });
    expect(changes.at(-1)).toEqual({ nodeId: 'worker_1', from: 'loading', to: 'ready', reason: 'heartbeat' });
  });

  it('is refused before a join', () => {
    expect(pool.heartbeat('worker_1', 'a', report())).toBe('unknown');
    expect(pool.heartbeat('nobody', 'a', report())).toBe('unknown');
    expect(stateOf('worker_1')).toBe('joining');
    expect(viewOf('nobody')).toBeUndefined();
  });

  it('of an old instance is refused and changes nothing', () => {
    join('worker_1', 'a');
    pool.disconnected('worker_1', 'a', 'reset');
    join('worker_1', 'b');
    now += 1_000;
    expect(pool.heartbeat('worker_1', 'a', report({ phase: 'draining' }))).toBe('unknown');
    expect(viewOf('worker_1')).toMatchObject({ state: 'ready', lastHeartbeatMs: 1_000 });
  });

  it('of a draining node takes it out of routing', () => {
    join();
    pool.heartbeat('worker_1', 'a', report({ phase: 'draining' }));
    expect(stateOf('worker_1')).toBe('draining');
    expect(snapshotOf('worker_1')?.isReady).toBe(false);
    expect(pool.tryClaim('worker_1', 'm')).toBeUndefined();
  });
});

describe('a second worker with the same id', () => {
  it('is refused while the first one is heard', () => {
    join('worker_1', 'a');
    now += 2_499;
    expect(join('worker_1', 'b', { url: 'http://127.0.0.1:9999' })).toBe('taken');
    expect(viewOf('worker_1')?.identity).toMatchObject({ instanceId: 'a', url: 'http://127.0.0.1:8081' });
    expect(pool.heartbeat('worker_1', 'a', report())).toBe('heard');
  });

  it.each(['loading', 'draining'] as const)('is refused while the first one is %s', (phase) => {
    join('worker_1', 'a', { report: report({ phase }) });
    expect(join('worker_1', 'b')).toBe('taken');
  });

  it('is refused while the first one is busy', () => {
    join('worker_1', 'a', { report: report({ models: [model('m', { slotsTotal: 1 })] }) });
    expect(pool.tryClaim('worker_1', 'm')).toBeDefined();
    expect(stateOf('worker_1')).toBe('busy');
    expect(join('worker_1', 'b')).toBe('taken');
  });

  it('takes the place of one that fell silent', () => {
    join('worker_1', 'a');
    now += 2_500;
    expect(join('worker_1', 'b')).toBe('joined');
    expect(viewOf('worker_1')?.identity?.instanceId).toBe('b');
  });

  it('takes the place of one whose connection ended', () => {
    join('worker_1', 'a');
    pool.disconnected('worker_1', 'a', 'reset');
    expect(join('worker_1', 'b')).toBe('joined');
    expect(stateOf('worker_1')).toBe('ready');
  });

  it('is the first one where it joins again, as after a restart of the controller', () => {
    join('worker_1', 'a');
    expect(join('worker_1', 'a', { url: 'http://127.0.0.1:9999' })).toBe('joined');
    expect(viewOf('worker_1')?.identity?.url).toBe('http://127.0.0.1:9999');
  });
});

describe('a node whose connection ended', () => {
  it('is lost at once and gets nothing', () => {
    join();
    pool.disconnected('worker_1', 'a', 'ECONNRESET');
    expect(stateOf('worker_1')).toBe('lost');
    expect(viewOf('worker_1')?.lastHeartbeatMs).toBe(0);
    expect(pool.tryClaim('worker_1', 'm')).toBeUndefined();
    expect(changes.at(-1)).toEqual({ nodeId: 'worker_1', from: 'ready', to: 'lost', reason: 'ECONNRESET' });
  });

  it('comes back with a heartbeat of the same instance', () => {
    join();
    pool.disconnected('worker_1', 'a', 'ECONNRESET');
    expect(pool.heartbeat('worker_1', 'a', report())).toBe('heard');
    expect(stateOf('worker_1')).toBe('ready');
    expect(pool.tryClaim('worker_1', 'm')).toBeDefined();
  });

  it('is not lost by a late message about its predecessor', () => {
    join('worker_1', 'a');
    pool.disconnected('worker_1', 'a', 'reset');
    join('worker_1', 'b');
    pool.disconnected('worker_1', 'a', 'reset');
    pool.disconnected('nobody', 'a', 'reset');
    expect(stateOf('worker_1')).toBe('ready');
  });
});

describe('a silent node', () => {
  it('is suspect, then lost, and reported once for each', () => {
    join();
    changes = [];
    for (const [ms, state] of [
      [2_000, 'ready'],
      [500, 'suspect'],
      [500, 'suspect'],
      [3_000, 'lost'],
      [3_000, 'lost'],
    ] as const) {
      now += ms;
      pool.checkTime();
      expect(stateOf('worker_1')).toBe(state);
    }
    expect(changes).toEqual([
      { nodeId: 'worker_1', from: 'ready', to: 'suspect', reason: 'silent' },
      { nodeId: 'worker_1', from: 'suspect', to: 'lost', reason: 'silent' },
    ]);
  });

  it('gets nothing, even before anything noticed', () => {
    join();
    now += 2_500;
    expect(snapshotOf('worker_1')?.isReady).toBe(false);
    expect(pool.tryClaim('worker_1', 'm')).toBeUndefined();
  });
});

describe('a claim', () => {
  it('gives what is needed to reach the node', () => {
    join();
    expect(pool.tryClaim('worker_1', 'm')).toMatchObject({
      nodeId: 'worker_1',
      instanceId: 'a',
      url: 'http://127.0.0.1:8081',
      fingerprint: 'fp_m',
    });
  });

  it('never takes more slots than there are', () => {
    join();
    const leases = Array.from({ length: 5 }, () => pool.tryClaim('worker_1', 'm'));
    expect(leases.filter(Boolean)).toHaveLength(2);
    expect(snapshotOf('worker_1')).toMatchObject({ slotsTotal: 2, slotsFree: 0, claims: 2, isReady: true });
    expect(viewOf('worker_1')).toMatchObject({ state: 'busy', models: [{ leased: 2 }] });
  });

  it('counts the slots of each model by itself', () => {
    join('worker_1', 'a', { report: report({ models: [model('m', { slotsTotal: 1 }), model('x')] }) });
    expect(pool.tryClaim('worker_1', 'm')).toBeDefined();
    expect(pool.tryClaim('worker_1', 'm')).toBeUndefined();
    expect(pool.tryClaim('worker_1', 'x')).toBeDefined();
    expect(stateOf('worker_1')).toBe('ready');
  });

  it('is refused for a model or a node that is not there', () => {
    join();
    expect(pool.tryClaim('worker_1', 'other')).toBeUndefined();
    expect(pool.tryClaim('nobody', 'm')).toBeUndefined();
    expect(snapshotOf('worker_1', 'other')).toMatchObject({ slotsTotal: 0, slotsFree: 0 });
  });

  it('counts leases, not what the worker says of a moment ago', () => {
    join('worker_1', 'a', { report: report({ models: [model('m', { slotsBusy: 2 })] }) });
    expect(snapshotOf('worker_1')?.slotsFree).toBe(2);
  });

  it('is not reported as a change of state, nor is its return', () => {
    join('worker_1', 'a', { report: report({ models: [model('m', { slotsTotal: 1 })] }) });
    changes = [];
    const lease = pool.tryClaim('worker_1', 'm');
    pool.checkTime();
    lease?.return();
    pool.checkTime();
    expect(changes).toEqual([]);
  });
});

describe('a lease', () => {
  it('frees its slot once, however often it is returned', () => {
    join();
    const first = pool.tryClaim('worker_1', 'm');
    pool.tryClaim('worker_1', 'm');
    first?.return();
    first?.return();
    first?.return();
    expect(snapshotOf('worker_1')).toMatchObject({ slotsFree: 1, claims: 2 });
    expect(pool.tryClaim('worker_1', 'm')).toBeDefined();
    expect(pool.tryClaim('worker_1', 'm')).toBeUndefined();
  });

  it('tells the listeners that a slot is free, once', () => {
    let calls = 0;
    join();
    const lease = pool.tryClaim('worker_1', 'm');
    pool.onChange(() => calls++);
    lease?.return();
    lease?.return();
    expect(calls).toBe(1);
  });

  it('of an instance that died still counts until it is returned', () => {
    join();
    const lease = pool.tryClaim('worker_1', 'm');
    pool.disconnected('worker_1', 'a', 'reset');
    join('worker_1', 'b');
    expect(snapshotOf('worker_1')?.slotsFree).toBe(1);
    lease?.return();
    expect(snapshotOf('worker_1')?.slotsFree).toBe(2);
  });

  it('counts tokens for its node and model', () => {
    join('worker_1', 'a', { report: report({ models: [model('m'), model('x')] }) });
    join('worker_2', 'b');
    pool.tryClaim('worker_1', 'm')?.countTokens(30);
    const rates = pool.views().map((view) => view.models.map(({ tokensPerSecond }) => tokensPerSecond));
    expect(rates).toEqual([[3, 0], [0]]);
    now += 10_000;
    expect(viewOf('worker_1')?.models[0]?.tokensPerSecond).toBe(0);
  });
});

describe('a listener', () => {
  it('is called when a node joins or is heard, but not for what is refused', () => {
    let calls = 0;
    pool.onChange(() => calls++);
    join('worker_1', 'a');
    expect(calls).toBe(1);
    pool.heartbeat('worker_1', 'a', report());
    expect(calls).toBe(2);
    pool.heartbeat('worker_1', 'z', report());
    join('worker_1', 'z');
    expect(calls).toBe(2);
  });

  it('sees the new state', () => {
    const seen: (string | undefined)[] = [];
    pool.onChange(() => seen.push(stateOf('worker_1')));
    join();
    expect(seen).toEqual(['ready']);
  });
});

describe('a node that stays away', () => {
  const tenMinutes = 10 * 60_000;

  it('is forgotten where nobody configured it', () => {
    join('guest');
    now += tenMinutes - 1;
    pool.checkTime();
    expect(stateOf('guest')).toBe('lost');
    now += 1;
    pool.checkTime();
    expect(viewOf('guest')).toBeUndefined();
  });

  it('stays in sight where it was configured', () => {
    join();
    now += tenMinutes;
    pool.checkTime();
    expect(stateOf('worker_1')).toBe('lost');
    expect(stateOf('worker_2')).toBe('joining');
  });
});

describe('a call that needs no slot', () => {
  const nodeFor = (modelId: string, ...except: string[]) => pool.readyNode(modelId, new Set(except))?.nodeId;

  it('goes to the ready node with the most free slots, also where none is free', () => {
    join('worker_1', 'a');
    join('worker_2', 'b', { url: 'http://127.0.0.1:8082' });
    pool.tryClaim('worker_1', 'm');
    expect(pool.readyNode('m', new Set())).toEqual({
      nodeId: 'worker_2',
      instanceId: 'b',
      url: 'http://127.0.0.1:8082',
    });
    for (let claims = 0; claims < 2; claims++) pool.tryClaim('worker_2', 'm');
    pool.tryClaim('worker_1', 'm');
    expect(nodeFor('m')).toBe('worker_1');
    expect(nodeFor('m', 'worker_1')).toBe('worker_2');
    expect(nodeFor('m', 'worker_1', 'worker_2')).toBeUndefined();
  });

  it('does not go to a node without the model, or to one that is lost', () => {
    expect(nodeFor('m')).toBeUndefined();
    join('worker_1', 'a');
    expect(nodeFor('other')).toBeUndefined();
    pool.disconnected('worker_1', 'a', 'gone');
    expect(nodeFor('m')).toBeUndefined();
  });
});
