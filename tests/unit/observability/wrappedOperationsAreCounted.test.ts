import { expect, it } from 'vitest';
import { createWorkerMetrics } from '../../../src/observability/metrics/workerMetrics.js';
import { createWrap } from '../../../src/observability/metrics/wrapOperation.js';
import { samplesOf } from '../../support/metricsText.js';

function createCounted() {
  let now = 0;
  const metrics = createWorkerMetrics({ facts: { version: '1.2.3' }, readModels: () => [] });
  const wrap = createWrap(metrics, () => now);
  const advance = (ms: number) => {
    now += ms;
  };
  const counts = async () => {
    const all = samplesOf(await metrics.registry.text(), 'ai_cluster_worker_requests_total');
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value > 0));
  };
  const seconds = async () =>
    samplesOf(await metrics.registry.text(), 'ai_cluster_worker_request_duration_seconds_sum');
  return { wrap, advance, counts, seconds };
}

it('a function gives what it gave before, and is counted with its time', async () => {
  const { wrap, advance, counts, seconds } = createCounted();
  const add = wrap('add', (a: number, b: number) => {
    advance(1_500);
    return a + b;
  });
  expect(await counts()).toEqual({});
  expect(await add(1, 2)).toBe(3);
  expect(await counts()).toEqual({ 'operation=add,status=success': 1 });
  expect(await seconds()).toEqual({ 'operation=add': 1.5 });
});

it.each([
  ['throws', () => raise(new Error('no'))],
  ['rejects', () => Promise.reject(new Error('no'))],
])('one that %s is an error, which goes on', async (_, run) => {
  const { wrap, counts } = createCounted();
  await expect(wrap('fail', run)()).rejects.toThrow('no');
  expect(await counts()).toEqual({ 'operation=fail,status=error': 1 });
});

it('one that is aborted is cancelled', async () => {
  const { wrap, counts } = createCounted();
  const abort = AbortSignal.abort();
  await expect(wrap('wait', () => abort.throwIfAborted())()).rejects.toThrow();
  expect(await counts()).toEqual({ 'operation=wait,status=cancelled': 1 });
});

it('who knows more of the result says what it is', async () => {
  const { wrap, counts } = createCounted();
  const ask = wrap(
    'ask',
    (isBusy: boolean) => isBusy,
    (settled) => ('result' in settled && settled.result ? 'refused' : 'success'),
  );
  await ask(true);
  await ask(false);
  expect(await counts()).toEqual({ 'operation=ask,status=refused': 1, 'operation=ask,status=success': 1 });
});

function raise(error: Error): never {
  throw error;
}
