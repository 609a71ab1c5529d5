import { describe, expect, it } from 'vitest';
import { PrefixMap } from '../../../src/cluster/prefixMap.js';
import { WorkerPool } from '../../../src/cluster/workerPool.js';
import type { HeldPrefix } from '../../../src/protocol/prefix.js';
import type { JoinRequest, NodeReport } from '../../../src/protocol/workerApi.js';
import { noPoolEvents } from '../../support/noPoolEvents.js';
import type { RequestWork } from '../../../src/routing/policy.js';

const hash = (name: string) => name.padStart(16, '0');
const chain = (...names: string[]) => ({ hashes: names.map(hash), bytes: names.length * 256 });
const held = (...names: string[]): HeldPrefix[] => names.map((name, index) => [hash(name), (index + 1) * 64]);

describe('the prefixes of a node', () => {
  it('are looked for as far as they are held', () => {
    const map = new PrefixMap();
    expect(map.cachedTokens(chain('a', 'b'))).toBe(0);
    map.replace(held('a', 'b'));
    expect(map.cachedTokens(chain('a', 'b', 'c'))).toBe(128);
    expect(map.cachedTokens(chain('a', 'x'))).toBe(64);
    expect(map.cachedTokens(chain('x', 'b'))).toBe(0);
  });

  it('are those of the last report and of what ended since', () => {
    const map = new PrefixMap();
    map.replace(held('a'));
    map.add(held('x', 'y'));
    expect(map.cachedTokens(chain('a'))).toBe(64);
    expect(map.cachedTokens(chain('x', 'y'))).toBe(128);
    map.replace(held('a'));
    expect(map.cachedTokens(chain('x'))).toBe(0);
  });

  it('take a bounded room where reports never come', () => {
    const map = new PrefixMap();
    for (let index = 0; index < 20_000; index++) map.add([[hash(String(index)), 1]]);
    expect(map.cachedTokens(chain('0'))).toBe(0);
    expect(map.cachedTokens(chain('19999'))).toBe(1);
  });
});

describe('a pool', () => {
  const model = {
    id: 'm',
    kind: 'generation' as const,
    slotsTotal: 2,
    slotsBusy: 0,
    contextTokens: 4096,
    loadSeconds: 1,
    memoryBytes: 1,
    fingerprint: 'fp',
  };
  const report = (prefixes?: HeldPrefix[]): NodeReport => ({
    phase: 'ready',
    uptimeSeconds: 1,
    models: [{ ...model, ...(prefixes ? { prefixes } : {}) }],
  });
  const join = (instanceId: string, prefixes?: HeldPrefix[]): JoinRequest => ({
    nodeId: 'worker_1',
    instanceId,
    url: 'http://127.0.0.1:1',
    pid: 1,
    version: '1',
    report: report(prefixes),
  });
  const work = (...names: string[]): RequestWork => ({
    promptBytes: 1024,
    promptTokens: 256,
    outputTokens: 10,
    prefixChain: { ...chain(...names), bytes: 1024 },
  });
  let nowMs = 0;
  const start = () => new WorkerPool({ nodeIds: ['worker_1'], now: () => nowMs, events: noPoolEvents });
  const cachedIn = (pool: WorkerPool, of = work('a', 'b')) => pool.snapshotsFor('m', of)[0]?.cachedTokens;

  it('knows what its workers report, until they report something else', () => {
    const pool = start();
    pool.join(join('one', held('a')));
    expect(cachedIn(pool)).toBe(64);
    pool.heartbeat('worker_1', 'one', report());
    expect(cachedIn(pool)).toBe(64);
    pool.heartbeat('worker_1', 'one', report(held('a', 'b')));
    expect(cachedIn(pool)).toBe(128);
    pool.heartbeat('worker_1', 'one', report([]));
    expect(cachedIn(pool)).toBe(0);
  });

  it('knows nothing of another process, whatever the last request of the old one left', () => {
    const pool = start();
    pool.join(join('one', held('a')));
    const lease = pool.tryClaim('worker_1', 'm', work('a'));
    pool.disconnected('worker_1', 'one', 'gone');
    nowMs += 10_000;
    pool.join(join('two'));
    lease?.holds(held('a', 'b'));
    lease?.return();
    expect(cachedIn(pool)).toBe(0);
  });

  it('counts on what running requests will have read', () => {
    const pool = start();
    pool.join(join('one'));
    const lease = pool.tryClaim('worker_1', 'm', work('a', 'b', 'c'));
    expect(cachedIn(pool, work('a', 'b', 'x'))).toBe(128);
    lease?.return();
    expect(cachedIn(pool, work('a', 'b', 'x'))).toBe(0);
    pool.tryClaim('worker_1', 'm', work('a'))?.holds(held('a'));
    expect(cachedIn(pool, work('a'))).toBe(64);
  });

  it('knows what its running requests have to do yet', () => {
    const pool = start();
    pool.join(join('one', held('a')));
    const running = () => pool.snapshotsFor('m')[0]?.running;
    const lease = pool.tryClaim('worker_1', 'm', work('a', 'b'));
    expect(running()).toEqual([{ prefillTokens: 192, decodeTokens: 10 }]);
    lease?.accepted(300, 100);
    expect(running()).toEqual([{ prefillTokens: 200, decodeTokens: 10 }]);
    nowMs += 500;
    lease?.countTokens(1);
    expect(running()).toEqual([{ prefillTokens: 0, decodeTokens: 9 }]);
    lease?.countTokens(29);
    expect(running()).toEqual([{ prefillTokens: 0, decodeTokens: 15 }]);
    lease?.return();
    lease?.return();
    expect(running()).toEqual([]);
  });

  it('learns from a request how fast its node is', () => {
    const pool = start();
    pool.join(join('one'));
    for (let count = 0; count < 30; count++) {
      const lease = pool.tryClaim('worker_1', 'm', work('a'));
      lease?.accepted(1000, 200);
      nowMs += 1000;
      lease?.countTokens(1);
      for (let token = 0; token < 50; token++) {
        nowMs += 10;
        lease?.countTokens(1);
      }
      lease?.return();
      pool.heartbeat('worker_1', 'one', report());
    }
    const speed = pool.snapshotsFor('m')[0]?.speed;
    expect(speed?.prefillTokensPerSecond).toBeCloseTo(800, -2);
    expect(speed?.decodeTokensPerSecond).toBeCloseTo(100, -1);
  });
});
