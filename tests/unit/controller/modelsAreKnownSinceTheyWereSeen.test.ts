import { expect, it } from 'vitest';
import { WorkerPool } from '../../../src/cluster/workerPool.js';
import { createModelRegistry } from '../../../src/controller/modelRegistry.js';
import type { ModelReport, NodeReport } from '../../../src/protocol/workerApi.js';
import { noPoolEvents } from '../../support/noPoolEvents.js';

function reportOf(id: string, changes: Partial<ModelReport> = {}): ModelReport {
  return {
    id,
    kind: 'embedding',
    slotsTotal: 2,
    slotsBusy: 0,
    contextTokens: 512,
    loadSeconds: 1,
    memoryBytes: 1,
    fingerprint: 'fp',
    ...changes,
  };
}

function setUp() {
  let nowMs = 1_000_000;
  const told: string[] = [];
  const pool = new WorkerPool({ nodeIds: [], now: () => nowMs, events: noPoolEvents });
  const registry = createModelRegistry({
    configured: ['configured'],
    pool,
    nowSeconds: () => Math.floor(nowMs / 1000),
    events: {
      modelSeen: (id) => told.push(`seen ${id}`),
      modelForgotten: (id) => told.push(`forgotten ${id}`),
    },
  });
  const join = (nodeId: string, models: ModelReport[], phase: NodeReport['phase'] = 'ready') =>
    pool.join({
      nodeId,
      instanceId: nodeId,
      url: 'http://127.0.0.1:1',
      pid: 1,
      version: '1.2.3',
      report: { phase, uptimeSeconds: 1, models },
    });
  const pass = (seconds: number) => {
    nowMs += seconds * 1000;
    pool.checkTime();
  };
  return { registry, join, pass, told };
}

it('keeps the time of the first report, whoever reports the model later', () => {
  const { registry, join, pass } = setUp();
  pass(10);
  join('worker_1', [reportOf('seen')]);
  pass(10);
  join('worker_2', [reportOf('seen'), reportOf('configured')]);
  expect(registry.ids()).toEqual(['configured', 'seen']);
  expect(registry.ids().map(registry.createdSeconds)).toEqual([1000, 1010]);
});

it('promises the context that every worker has, and the slots of those that are ready', () => {
  const { registry, join } = setUp();
  expect(registry.factsOf('m')).toBeUndefined();
  join('worker_1', [reportOf('m', { contextTokens: 512 })]);
  join('worker_2', [reportOf('m', { contextTokens: 256 }), reportOf('other')]);
  join('worker_3', [reportOf('m', { slotsTotal: 8 })], 'draining');
  expect(registry.factsOf('m')).toEqual({ kind: 'embedding', contextTokens: 256, slots: 4 });
});

it('forgets a model when no node has had it for ten minutes, and never one that is configured', () => {
  const { join, pass, told } = setUp();
  join('worker_1', [reportOf('seen')]);
  expect(told).toEqual(['seen configured', 'seen seen']);
  pass(300);
  join('worker_1', [reportOf('other')]);
  pass(599);
  expect(told).not.toContain('forgotten seen');
  pass(2);
  expect(told).toEqual(['seen configured', 'seen seen', 'seen other', 'forgotten seen']);
});
