import { describe, expect, it } from 'vitest';
import type { NodeLease } from '../../../src/cluster/slotLease.js';
import { WorkerPool, type PoolEvents } from '../../../src/cluster/workerPool.js';
import type { NodeReport } from '../../../src/protocol/workerApi.js';
import { leastBusy } from '../../../src/routing/leastBusy.js';
import { noPoolEvents } from '../../support/noPoolEvents.js';
import { routingRequest } from '../../support/nodeSnapshots.js';

function reportOf(slotsTotal: number): NodeReport {
  const model = {
    id: 'm',
    kind: 'generation' as const,
    slotsTotal,
    slotsBusy: 0,
    contextTokens: 4096,
    loadSeconds: 1,
    memoryBytes: 1,
    fingerprint: 'fp',
  };
  return { phase: 'ready', uptimeSeconds: 1, models: [model] };
}

/** A pool on a clock of its own, with a closed loop of clients and the routing of the controller. */
class Simulation {
  nowMs = 0;
  readonly told: string[] = [];
  /** Requests by node, with the time at which they were given out. */
  readonly given: { nodeId: string; atMs: number }[] = [];
  /** The process of each node that sends heartbeats. */
  readonly #alive = new Map<string, string>();
  readonly #slots: number;
  readonly pool: WorkerPool;
  #running: { endsAtMs: number; lease: NodeLease }[] = [];
  waited = 0;

  constructor(nodes: readonly string[], slots: number) {
    const tell = (text: string) => void this.told.push(text);
    const events: PoolEvents = {
      ...noPoolEvents,
      nodeEjected: ({ nodeId, reason }) => tell(`${nodeId} ejected: ${reason}`),
      breakerChanged: ({ nodeId, to }) => tell(`${nodeId} ${to}`),
    };
    this.#slots = slots;
    this.pool = new WorkerPool({ nodeIds: nodes, now: () => this.nowMs, events });
    for (const nodeId of nodes) this.join(nodeId);
  }

  join(nodeId: string, instanceId = `${nodeId}-1`): void {
    const identity = { url: 'http://127.0.0.1:1', pid: 1, version: '1', report: reportOf(this.#slots) };
    this.pool.join({ nodeId, instanceId, ...identity });
    this.#alive.set(nodeId, instanceId);
  }

  kill(nodeId: string): void {
    this.pool.disconnected(nodeId, this.#alive.get(nodeId) ?? '', 'killed');
    this.#alive.delete(nodeId);
  }

  claim(): NodeLease | undefined {
    const { nodeId } = leastBusy(this.pool.snapshotsFor('m'), routingRequest());
    const lease = nodeId === undefined ? undefined : this.pool.tryClaim(nodeId, 'm');
    if (lease) this.given.push({ nodeId: lease.nodeId, atMs: this.nowMs });
    return lease;
  }

  /** `clients` at once, each with its next request when the last one ended, for `ms`. */
  run(ms: number, clients: number, tookMs: (nodeId: string) => number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += 10) {
      for (const request of this.#running.filter(({ endsAtMs }) => endsAtMs <= this.nowMs)) {
        request.lease.accepted(10, 0);
        request.lease.countTokens(1);
        request.lease.report('succeeded');
        request.lease.return();
      }
      this.#running = this.#running.filter(({ endsAtMs }) => endsAtMs > this.nowMs);
      while (this.#running.length < clients) {
        const lease = this.claim();
        if (!lease) {
          this.waited++;
          break;
        }
        this.#running.push({ lease, endsAtMs: this.nowMs + tookMs(lease.nodeId) });
      }
      if (this.nowMs % 500 === 0) {
        for (const [nodeId, instanceId] of this.#alive)
          this.pool.heartbeat(nodeId, instanceId, reportOf(this.#slots));
        this.pool.checkTime();
      }
    }
  }

  shareOf(nodeId: string, sinceMs: number): number {
    const since = this.given.filter(({ atMs }) => atMs >= sinceMs);
    return since.filter((request) => request.nodeId === nodeId).length / since.length;
  }

  statusOf(nodeId: string) {
    return this.pool.views().find(({ id }) => id === nodeId)?.health;
  }
}

const three = ['worker_1', 'worker_2', 'worker_3'];

describe('a slow node of three', () => {
  it('has less than 5 % of the requests within 10 s, and comes back slowly', () => {
    const simulation = new Simulation(three, 8);
    const tookMs = (nodeId: string) => (nodeId === 'worker_1' ? 2_000 : 100);
    simulation.run(10_000, 15, tookMs);
    expect(simulation.told).toEqual(['worker_1 ejected: slow_first_token']);
    simulation.run(20_000, 15, tookMs);
    expect(simulation.shareOf('worker_1', 10_000)).toBeLessThan(0.05);

    simulation.run(10_000, 12, () => 100);
    expect(simulation.statusOf('worker_1')).toMatchObject({ ejection: undefined });
    expect(simulation.statusOf('worker_1')?.weight).toBeLessThan(0.5);
    expect(simulation.waited).toBe(0);
  });

  it('has its share again when it was restarted, little by little', () => {
    const simulation = new Simulation(three, 8);
    simulation.run(10_000, 15, (nodeId) => (nodeId === 'worker_1' ? 2_000 : 100));
    expect(simulation.statusOf('worker_1')?.ejection).toBeDefined();
    simulation.kill('worker_1');
    simulation.run(1_000, 0, () => 100);
    simulation.join('worker_1', 'worker_1-2');
    expect(simulation.statusOf('worker_1')).toMatchObject({ ejection: undefined, leftOutBecause: undefined });
  });

  it('is served by all where all are slow', () => {
    const simulation = new Simulation(three, 8);
    simulation.run(30_000, 20, () => 2_000);
    expect(simulation.told).toEqual([]);
    for (const nodeId of three) expect(simulation.shareOf(nodeId, 0)).toBeCloseTo(1 / 3, 1);
  });
});

describe('a node that fails', () => {
  const failing = () => {
    const simulation = new Simulation(three, 128);
    for (let count = 0; count < 5; count++) {
      const lease = simulation.pool.tryClaim('worker_1', 'm');
      lease?.report('failed');
      lease?.return();
    }
    return simulation;
  };

  it('gets nothing from its fifth failure on, and one of 100 requests at once when it is tried', () => {
    const simulation = failing();
    expect(simulation.told).toEqual(['worker_1 open']);
    expect(simulation.statusOf('worker_1')).toMatchObject({ breaker: 'open', leftOutBecause: 'breaker' });
    expect(simulation.pool.tryClaim('worker_1', 'm')).toBeUndefined();

    simulation.run(5_000, 0, () => 1);
    expect(simulation.statusOf('worker_1')).toMatchObject({
      breaker: 'half_open',
      leftOutBecause: undefined,
    });
    const leases = Array.from({ length: 100 }, () => simulation.pool.tryClaim('worker_1', 'm'));
    const [trial, ...others] = leases.filter((lease) => lease !== undefined);
    expect(others).toEqual([]);

    let wasTold = 0;
    simulation.pool.onChange(() => wasTold++);
    trial?.countTokens(1);
    expect(wasTold).toBe(1);
    expect(simulation.statusOf('worker_1')?.breaker).toBe('closed');
    expect(simulation.pool.tryClaim('worker_1', 'm')).toBeDefined();
  });

  it('is tried by another request where the client of the first one left', () => {
    const simulation = failing();
    simulation.run(5_000, 0, () => 1);
    simulation.pool.tryClaim('worker_1', 'm')?.return();
    const next = simulation.pool.tryClaim('worker_1', 'm');
    expect(next).toBeDefined();
    next?.report('failed');
    expect(simulation.statusOf('worker_1')?.breaker).toBe('open');
    simulation.run(9_990, 0, () => 1);
    expect(simulation.pool.tryClaim('worker_1', 'm')).toBeUndefined();
    simulation.run(10, 0, () => 1);
    expect(simulation.pool.tryClaim('worker_1', 'm')).toBeDefined();
  });

  it('is tried at once as another process, whatever the requests of the old one come to', () => {
    const simulation = new Simulation(three, 128);
    const old = Array.from({ length: 12 }, () => simulation.pool.tryClaim('worker_1', 'm'));
    for (const lease of old.slice(0, 6)) lease?.report('failed');
    simulation.kill('worker_1');
    simulation.join('worker_1', 'worker_1-2');
    const trial = simulation.pool.tryClaim('worker_1', 'm');
    expect(trial).toBeDefined();
    for (const lease of old.slice(6)) lease?.report('failed');
    trial?.countTokens(1);
    expect(simulation.statusOf('worker_1')?.breaker).toBe('closed');
  });

  it('is ejected where it fails every fourth request', () => {
    const simulation = new Simulation(three, 8);
    for (let count = 0; count < 90; count++, simulation.nowMs += 25) {
      const lease = simulation.pool.tryClaim(three[count % 3] ?? '', 'm');
      lease?.report(lease.nodeId === 'worker_2' && count % 12 === 1 ? 'failed' : 'succeeded');
      lease?.return();
    }
    simulation.pool.checkTime();
    expect(simulation.told).toEqual(['worker_2 ejected: failures']);
    expect(simulation.pool.snapshotsFor('m').map(({ isReady }) => isReady)).toEqual([true, false, true]);
  });
});

describe('a node that joins a warm cluster', () => {
  const joined = (clients: number) => {
    const simulation = new Simulation(three, 8);
    simulation.kill('worker_3');
    simulation.run(40_000, 4, () => 100);
    simulation.join('worker_3', 'worker_3-2');
    const joinedAtMs = simulation.nowMs;
    simulation.run(5_000, clients, () => 100);
    return { simulation, joinedAtMs };
  };

  it.each([1, 4, 8, 12])(
    'has at most a quarter of its share in the first 5 s, with %d clients',
    (clients) => {
      const { simulation, joinedAtMs } = joined(clients);
      expect(simulation.shareOf('worker_3', joinedAtMs)).toBeLessThanOrEqual(0.25 / 3);
      expect(simulation.waited).toBe(0);
    },
  );

  it('has its whole share after 30 s, and no more: it does not catch up', () => {
    const { simulation, joinedAtMs } = joined(12);
    simulation.run(26_000, 12, () => 100);
    simulation.run(5_000, 3, () => 100);
    const share = simulation.shareOf('worker_3', joinedAtMs + 31_000);
    expect(share).toBeGreaterThan(0.28);
    expect(share).toBeLessThan(0.39);
  });

  it('gives out what it holds back before anybody waits', () => {
    const { simulation } = joined(24);
    expect(simulation.waited).toBe(0);
    expect(simulation.claim()).toBeUndefined();
  });

  it('begins with all its slots where the cluster is new', () => {
    const simulation = new Simulation(three, 8);
    expect(simulation.pool.snapshotsFor('m').map(({ weight }) => weight)).toEqual([1, 1, 1]);
    expect(simulation.pool.snapshotsFor('m').map(({ slotsFree }) => slotsFree)).toEqual([8, 8, 8]);
  });
});

describe('what an operator wants of a node', () => {
  it('a drained one gets nothing and ends what it has, over a restart, too', () => {
    const simulation = new Simulation(three, 8);
    const { pool } = simulation;
    const lease = pool.tryClaim('worker_1', 'm');
    expect(pool.wish('worker_1', 'drain')).toBe('done');
    expect(pool.wish('worker_1', 'drain')).toBe('done');
    expect(pool.tryClaim('worker_1', 'm')).toBeUndefined();
    expect(pool.views()[0]).toMatchObject({ state: 'draining', wish: 'drain', models: [{ leased: 1 }] });
    expect(pool.countWanted()).toBe(2);
    lease?.return();
    simulation.kill('worker_1');
    simulation.join('worker_1', 'worker_1-2');
    expect(pool.views()[0]).toMatchObject({ state: 'draining', identity: { instanceId: 'worker_1-2' } });
    pool.wish('worker_1', 'undrain');
    expect(pool.countWanted()).toBe(3);
    expect(pool.tryClaim('worker_1', 'm')).toBeDefined();
  });

  it('a removed one goes with its last request, and its worker stays out until it is added', () => {
    const forgotten: string[] = [];
    const pool = new WorkerPool({
      nodeIds: ['worker_1'],
      now: () => 0,
      events: { ...noPoolEvents, nodeForgotten: (nodeId) => forgotten.push(nodeId) },
    });
    const join = (instanceId: string) =>
      pool.join({
        nodeId: 'worker_1',
        instanceId,
        url: 'http://127.0.0.1:1',
        pid: 1,
        version: '1',
        report: reportOf(1),
      });
    join('a');
    const lease = pool.tryClaim('worker_1', 'm');
    expect(pool.wish('worker_1', 'remove')).toBe('done');
    expect(pool.wish('worker_1', 'undrain')).toBe('leaving');
    expect(pool.wish('worker_1', 'add')).toBe('leaving');
    expect(pool.heartbeat('worker_1', 'a', reportOf(1))).toBe('heard');
    expect(join('b')).toBe('removed');
    expect(forgotten).toEqual([]);
    lease?.return();
    expect(forgotten).toEqual(['worker_1']);
    expect(pool.views()).toEqual([]);
    expect(pool.heartbeat('worker_1', 'a', reportOf(1))).toBe('removed');
    expect(join('a')).toBe('removed');
    expect(pool.wish('worker_1', 'remove')).toBe('unknown');
    expect(pool.wish('worker_1', 'add')).toBe('done');
    expect(pool.wish('worker_1', 'add')).toBe('exists');
    expect(join('a')).toBe('joined');
  });
});
