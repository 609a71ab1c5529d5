import supertest from 'supertest';
import { describe, expect, it } from 'vitest';
import { WorkerPool } from '../../../src/cluster/workerPool.js';
import { lostAfterMs, suspectAfterMs } from '../../../src/cluster/workerState.js';
import { createApp } from '../../../src/controller/app.js';
import { refuseUnknownRoutes } from '../../../src/controller/middleware/handleErrors.js';
import { operationsRoutes } from '../../../src/controller/routes/operations.js';
import { ClusterStatus, HealthStatus, type NodeState } from '../../../src/protocol/clusterStatus.js';
import { readyReport } from '../../support/nodeReport.js';
import { noPoolEvents } from '../../support/noPoolEvents.js';
import type { JoinRequest, NodeReport } from '../../../src/protocol/workerApi.js';

/** The app with a pool whose clock the test moves; nothing listens. */
function createTestApp(nodeIds = ['worker_1', 'worker_2']) {
  const clock = { ms: 0, isDraining: false };
  const changes: { nodeId: string; from: NodeState; to: NodeState; reason: string }[] = [];
  const pool = new WorkerPool({
    nodeIds,
    now: () => clock.ms,
    events: { ...noPoolEvents, nodeStateChanged: (change) => changes.push(change) },
  });
  const app = createApp({
    hosts: [],
    allowedOrigins: [],
    requestTimeoutMs: 60_000,
    events: { requestFinished: () => undefined, internalCallRefused: () => undefined },
    guards: {
      key: refuseUnknownRoutes,
      admin: refuseUnknownRoutes,
      operator: (_req, _res, next) => next(),
      cluster: refuseUnknownRoutes,
    },
    routes: operationsRoutes({
      pool,
      queue: { limit: 512, waiting: () => 3, views: () => [queueView] },
      scrapesPerSecond: 1_000,
      version: '1.2.3',
      isDraining: () => clock.isDraining,
      totals: () => ({ requests: 5, errors: 1 }),
    }),
  });
  return { agent: supertest(app), pool, clock, changes };
}

const queueView = { model: 'test-model', waiting: 3, batch: 1, promptBytes: 120, oldestWaitMs: 41.7 };

const report: NodeReport = { ...readyReport, uptimeSeconds: 11.4 };
const join = (nodeId: string, fields: Partial<JoinRequest> = {}): JoinRequest => ({
  nodeId,
  instanceId: `${nodeId}-a`,
  url: 'http://127.0.0.1:8081',
  pid: 4242,
  version: '1.2.3',
  report,
  ...fields,
});

describe('GET /health', () => {
  it('is 503 and starting before the first worker is ready', async () => {
    const { agent, pool } = createTestApp();

    const before = await agent.get('/health').expect(503);
    expect(HealthStatus.strict().parse(before.body)).toMatchObject({
      status: 'starting',
      version: '1.2.3',
      workers: { healthy: 0, degraded: 2, offline: 0 },
    });

    pool.join(join('worker_1', { report: { ...report, phase: 'loading', models: [] } }));
    await agent.get('/health').expect(503);
  });

  it('is 200 as soon as one worker is ready, and 503 and unavailable when none is left', async () => {
    const { agent, pool, clock } = createTestApp();
    pool.join(join('worker_1'));

    const ready = await agent.get('/health').expect(200);
    expect(HealthStatus.strict().parse(ready.body)).toMatchObject({
      status: 'ok',
      workers: { healthy: 1, degraded: 1, offline: 0 },
    });

    clock.ms += lostAfterMs;
    const lost = await agent.get('/health').expect(503);
    expect(HealthStatus.strict().parse(lost.body)).toMatchObject({
      status: 'unavailable',
      workers: { healthy: 0, degraded: 1, offline: 1 },
    });
  });

  it('stays 200 while it drains, so that nobody kills it', async () => {
    const { agent, pool, clock } = createTestApp();
    pool.join(join('worker_1'));
    clock.isDraining = true;
    await agent.get('/health').expect(200);
  });

  it('answers HEAD', async () => {
    const { agent, pool } = createTestApp();
    pool.join(join('worker_1'));
    await agent.head('/health').expect(200);
  });
});

describe('GET /ready', () => {
  it('is 503 before the first worker, 200 with one, 503 while draining', async () => {
    const { agent, pool, clock } = createTestApp();
    expect((await agent.get('/ready').expect(503)).body).toStrictEqual({ ready: false, status: 'starting' });

    pool.join(join('worker_1'));
    expect((await agent.get('/ready').expect(200)).body).toStrictEqual({ ready: true, status: 'ok' });

    clock.isDraining = true;
    expect((await agent.get('/ready').expect(503)).body).toStrictEqual({ ready: false, status: 'draining' });
  });
});

describe('GET /cluster/status', () => {
  it('has exactly the documented shape', async () => {
    const { agent, pool, clock } = createTestApp();
    pool.join(join('worker_1'));
    const lease = pool.tryClaim('worker_1', 'test-model');
    lease?.countTokens(412);
    clock.ms = 420;

    const { body } = (await agent.get('/cluster/status').expect(200)) as { body: unknown };

    expect(ClusterStatus.strict().parse(body)).toStrictEqual({
      status: 'ok',
      uptimeSeconds: expect.any(Number) as number,
      queue: { waiting: 3, limit: 512, models: [{ ...queueView, oldestWaitMs: 42 }] },
      totals: { requests: 5, errors: 1, tokensPerSecond: 41.2 },
      nodes: [
        {
          id: 'worker_1',
          url: 'http://127.0.0.1:8081',
          pid: 4242,
          state: 'ready',
          status: 'healthy',
          models: ['test-model'],
          slots: { busy: 1, total: 4 },
          activeRequests: 1,
          tokensPerSecond: 41.2,
          uptimeSeconds: 11,
          lastHeartbeatMs: 420,
          reason: null,
          drainRequested: false,
          weight: 1,
          breaker: 'closed',
          ejection: null,
        },
        {
          id: 'worker_2',
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
        },
      ],
    });
  });

  it('shows a node as busy when all its slots are taken', async () => {
    const { agent, pool } = createTestApp(['worker_1']);
    pool.join(join('worker_1'));
    const leases = [1, 2, 3, 4].map(() => pool.tryClaim('worker_1', 'test-model'));
    expect(pool.tryClaim('worker_1', 'test-model')).toBeUndefined();
    const read = async () => ClusterStatus.parse((await agent.get('/cluster/status')).body).nodes[0];

    expect(await read()).toMatchObject({ state: 'busy', status: 'healthy', slots: { busy: 4, total: 4 } });
    leases[0]?.return();
    leases[0]?.return();
    expect(await read()).toMatchObject({ state: 'ready', slots: { busy: 3, total: 4 } });
  });

  it('shows a silent node as suspect, then as lost, and as ready when it is heard again', async () => {
    const { agent, pool, clock, changes } = createTestApp(['worker_1']);
    const read = async () => ClusterStatus.parse((await agent.get('/cluster/status')).body).nodes[0];
    pool.join(join('worker_1'));

    clock.ms = suspectAfterMs - 1;
    expect(await read()).toMatchObject({ state: 'ready', status: 'healthy' });
    clock.ms = suspectAfterMs;
    expect(await read()).toMatchObject({ state: 'suspect', status: 'degraded' });
    expect(pool.tryClaim('worker_1', 'test-model')).toBeUndefined();
    pool.checkTime();
    clock.ms = lostAfterMs;
    expect(await read()).toMatchObject({ state: 'lost', status: 'offline', lastHeartbeatMs: lostAfterMs });
    pool.checkTime();
    pool.checkTime();

    expect(pool.heartbeat('worker_1', 'worker_1-a', report)).toBe('heard');
    expect(await read()).toMatchObject({ state: 'ready', lastHeartbeatMs: 0 });
    expect(changes.map(({ to, reason }) => `${to}: ${reason}`)).toStrictEqual([
      'ready: joined',
      'suspect: silent',
      'lost: silent',
      'ready: heartbeat',
    ]);
  });

  it('lets a new instance take over from a silent one, not from a live one', () => {
    const { pool, clock } = createTestApp(['worker_1']);
    expect(pool.join(join('worker_1'))).toBe('joined');
    expect(pool.join(join('worker_1', { instanceId: 'b' }))).toBe('taken');
    clock.ms = suspectAfterMs;
    expect(pool.join(join('worker_1', { instanceId: 'b' }))).toBe('joined');
    expect(pool.heartbeat('worker_1', 'worker_1-a', report)).toBe('unknown');
    pool.disconnected('worker_1', 'worker_1-a', 'late news of the first');
    expect(pool.views()[0]?.state).toBe('ready');
  });

  it('says that it drains', async () => {
    const { agent, clock } = createTestApp();
    clock.isDraining = true;
    expect((await agent.get('/cluster/status').expect(200)).body).toMatchObject({ status: 'draining' });
  });
});
