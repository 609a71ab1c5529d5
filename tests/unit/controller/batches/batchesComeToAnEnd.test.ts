import { expect, it } from 'vitest';
import { createBatchBench } from '../../../support/batchBench.js';
import { eventually } from '../../../support/eventually.js';

const counts = (completed: number, failed: number, total: number) => ({ completed, failed, total });

it('each finished line is counted at once, and the files have them in the order of the input', async () => {
  const bench = createBatchBench();
  const { id } = await bench.start('a', 'b', 'c');
  expect(bench.get(id)).toMatchObject({ status: 'validating', request_counts: counts(0, 0, 0) });

  const { principal, requestId } = await bench.line('c');
  expect(principal).toMatchObject({ keyId: 'key_1', priority: -1 });
  expect(bench.get(id)).toMatchObject({ status: 'in_progress', request_counts: counts(0, 0, 3) });
  (await bench.line('c')).answer({});
  await eventually(() => expect(bench.get(id).request_counts).toEqual(counts(1, 0, 3)));
  (await bench.line('b')).answer({ statusCode: 400, body: { error: { message: 'Bad.' } } });
  await eventually(() => expect(bench.get(id).request_counts).toEqual(counts(1, 1, 3)));
  bench.clock.seconds += 60;
  (await bench.line('a')).answer({});

  const batch = await bench.until(id, 'completed');
  expect(batch).toMatchObject({
    request_counts: counts(2, 1, 3),
    in_progress_at: 1_000_000,
    finalizing_at: 1_000_060,
    completed_at: 1_000_060,
    errors: null,
  });
  expect(bench.statuses).toEqual(['validating', 'in_progress', 'finalizing', 'completed']);
  const output = await bench.results(batch.output_file_id);
  expect(output.map(({ custom_id }) => custom_id)).toEqual(['id-a', 'id-c']);
  expect(output[1]).toEqual({
    id: expect.stringMatching(/^batch_req_[0-9a-f]{32}$/) as string,
    custom_id: 'id-c',
    response: { status_code: 200, request_id: requestId, body: { text: 'answer to c' } },
    error: null,
  });
  expect(await bench.results(batch.error_file_id)).toMatchObject([
    { custom_id: 'id-b', response: { status_code: 400, body: { error: { message: 'Bad.' } } }, error: null },
  ]);
});

it('a batch without errors has no error file, and one without answers no output file', async () => {
  const bench = createBatchBench();
  const good = await bench.start('a');
  (await bench.line('a')).answer({});
  expect((await bench.until(good.id, 'completed')).error_file_id).toBeNull();
  const bad = await bench.start('b');
  (await bench.line('b')).answer({ statusCode: 500 });
  expect((await bench.until(bad.id, 'completed')).output_file_id).toBeNull();
  expect(
    bench.stores.files.list({ owner: 'key_1', order: 'asc', limit: 10 }).map(({ purpose }) => purpose),
  ).toEqual(['batch', 'batch_output', 'batch', 'batch_output']);
});

it('no more lines run than there are slots, over all batches, and each batch has its turn', async () => {
  const bench = createBatchBench();
  bench.limit = 2;
  const first = await bench.start('a1', 'a2', 'a3', 'a4');
  await bench.line('a2');
  const second = await bench.start('b1', 'b2');
  // a1, a2 and a3, which waits in front of b1.
  await eventually(() => expect(bench.permitsAsked).toBe(4));
  const prompts = () => bench.running.map(({ prompt }) => prompt);
  expect(prompts()).toEqual(['a1', 'a2']);
  (await bench.line('a1')).answer({});
  await bench.line('a3');
  (await bench.line('a2')).answer({});
  await bench.line('b1');
  expect(prompts()).toEqual(['a3', 'b1']);

  bench.limit = 8;
  (await bench.line('a3')).answer({});
  await eventually(() => expect(prompts().sort()).toEqual(['a4', 'b1', 'b2']));
  for (const prompt of ['a4', 'b1', 'b2']) (await bench.line(prompt)).answer({});
  await bench.until(first.id, 'completed');
  await bench.until(second.id, 'completed');
});

it('a line that finds no room is run again, later and later, and not counted before it has ended', async () => {
  const bench = createBatchBench();
  const { id } = await bench.start('a');
  const waits: number[] = [];
  for (let time = 0; time < 7; time++) {
    (await bench.line('a')).answer({ statusCode: 503, isBusy: true });
    await eventually(() => expect(bench.waits).toHaveLength(1));
    waits.push(bench.waits[0]?.ms ?? 0);
    expect(bench.get(id).request_counts).toEqual(counts(0, 0, 1));
    bench.waits[0]?.end();
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  (await bench.line('a')).answer({});
  expect((await bench.until(id, 'completed')).request_counts).toEqual(counts(1, 0, 1));
});

it('after a restart the lines in flight run again, and finished ones do not', async () => {
  const bench = createBatchBench();
  bench.limit = 2;
  const { id } = await bench.start('a', 'b', 'c', 'd');
  (await bench.line('a')).answer({});
  (await bench.line('b')).answer({ statusCode: 400 });
  await bench.line('c');
  await bench.line('d');
  await bench.restart();
  expect(bench.get(id)).toMatchObject({ status: 'in_progress', request_counts: counts(1, 1, 4) });
  (await bench.line('c')).answer({});
  (await bench.line('d')).answer({});
  const batch = await bench.until(id, 'completed');
  expect(batch.request_counts).toEqual(counts(3, 1, 4));
  expect(Object.fromEntries(bench.executed)).toEqual({ a: 1, b: 1, c: 2, d: 2 });
  expect(await bench.results(batch.output_file_id)).toHaveLength(3);
});

it('an answer that comes in spite of the stop is kept, an error is not', async () => {
  const bench = createBatchBench();
  bench.givesUpAtOnce = false;
  const { id } = await bench.start('a', 'b');
  const lines = [await bench.line('a'), await bench.line('b')] as const;
  const restarted = bench.restart();
  expect(lines.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  lines[0].answer({});
  lines[1].answer({ statusCode: 502 });
  await restarted;
  expect(bench.get(id).request_counts).toEqual(counts(1, 0, 2));
  (await bench.line('b')).answer({});
  await bench.until(id, 'completed');
  expect(Object.fromEntries(bench.executed)).toEqual({ a: 1, b: 2 });
});

it('cancelling aborts what runs, keeps what is finished and runs nothing more', async () => {
  const bench = createBatchBench();
  bench.limit = 2;
  const { id } = await bench.start('a', 'b', 'c');
  (await bench.line('a')).answer({});
  const line = await bench.line('b');
  await bench.line('c');
  bench.clock.seconds += 5;
  bench.runner.cancel(id);
  expect(bench.get(id)).toMatchObject({ status: 'cancelling', cancelling_at: 1_000_005 });
  expect(line.signal.aborted).toBe(true);
  const batch = await bench.until(id, 'cancelled');
  expect(batch).toMatchObject({
    request_counts: counts(1, 0, 3),
    cancelled_at: 1_000_005,
    completed_at: null,
    error_file_id: null,
  });
  expect(await bench.results(batch.output_file_id)).toMatchObject([{ custom_id: 'id-a' }]);
  expect(bench.executed.size).toBe(3);
});

it('a batch can be cancelled before its file is checked', async () => {
  const bench = createBatchBench();
  bench.hasWorkers = false;
  const { id } = await bench.start('a');
  await eventually(() => expect(bench.waits).toHaveLength(1));
  bench.runner.cancel(id);
  expect(await bench.until(id, 'cancelled')).toMatchObject({ output_file_id: null, in_progress_at: null });
  expect(bench.executed.size).toBe(0);
});

it('when its time is over, what has not run is in the error file as expired', async () => {
  const bench = createBatchBench();
  bench.limit = 1;
  const { id } = await bench.start('a', 'b', 'c');
  (await bench.line('a')).answer({});
  await bench.line('b');
  bench.clock.seconds += 86_399;
  bench.runner.checkDeadlines();
  expect(bench.running).toHaveLength(1);
  bench.clock.seconds += 1;
  bench.runner.checkDeadlines();
  const batch = await bench.until(id, 'expired');
  expect(batch).toMatchObject({ expired_at: 1_086_400, request_counts: counts(1, 2, 3) });
  expect(await bench.results(batch.output_file_id)).toMatchObject([{ custom_id: 'id-a' }]);
  const expired = { response: null, error: { code: 'batch_expired' } };
  expect(await bench.results(batch.error_file_id)).toMatchObject([
    { custom_id: 'id-b', ...expired },
    { custom_id: 'id-c', ...expired },
  ]);
});

it('a batch whose time was over while nothing ran expires at the next start', async () => {
  const bench = createBatchBench();
  const { id } = await bench.start('a');
  await bench.line('a');
  await bench.runner.close();
  bench.clock.seconds += 86_400;
  await bench.restart();
  await bench.until(id, 'expired');
  expect(bench.executed.get('a')).toBe(1);
});

it('a file is checked when a worker is there to say which models there are', async () => {
  const bench = createBatchBench();
  bench.hasWorkers = false;
  const { id } = await bench.start('a');
  await eventually(() => expect(bench.waits).toHaveLength(1));
  expect(bench.get(id).status).toBe('validating');
  bench.hasWorkers = true;
  bench.waits[0]?.end();
  await bench.until(id, 'in_progress');
});

it('a disk that is full is waited out', async () => {
  const bench = createBatchBench();
  const { id } = await bench.start('a');
  const { files } = bench;
  const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' });
  bench.files = { ...files, stage: () => Promise.reject(full) };
  (await bench.line('a')).answer({});
  await eventually(() => expect(bench.waits).toHaveLength(1));
  expect(bench.get(id).status).toBe('finalizing');
  expect(bench.failures).toEqual([expect.stringContaining('ENOSPC')]);
  bench.files = files;
  bench.waits[0]?.end();
  expect(await bench.results((await bench.until(id, 'completed')).output_file_id)).toHaveLength(1);
});

it('a batch whose input is gone fails', async () => {
  const bench = createBatchBench();
  const { id, input_file_id: inputFileId } = await bench.start('a', 'b');
  (await bench.line('a')).answer({});
  await eventually(() => expect(bench.get(id).request_counts.completed).toBe(1));
  bench.stores.files.delete(inputFileId);
  await bench.restart();
  expect((await bench.until(id, 'failed')).errors?.data).toEqual([
    {
      code: 'file_not_found',
      message: `The input file ${inputFileId} is gone.`,
      param: 'input_file_id',
      line: null,
    },
  ]);
});

it('a result that cannot be stored gives up the other lines, and all are run again later', async () => {
  const bench = createBatchBench();
  const { id } = await bench.start('a', 'b');
  const { batches } = bench.stores;
  const { record } = batches;
  const fail = () => {
    throw Object.assign(new Error('database is full'), { code: 'SQLITE_FULL' });
  };
  Object.assign(batches, { record: fail });
  const other = await bench.line('b');
  (await bench.line('a')).answer({});
  await eventually(() => expect(bench.waits).toHaveLength(1));
  expect(other.signal.aborted).toBe(true);
  expect(bench.failures).toEqual([expect.stringContaining('database is full')]);
  Object.assign(batches, { record });
  bench.waits[0]?.end();
  (await bench.line('a')).answer({});
  (await bench.line('b')).answer({});
  expect((await bench.until(id, 'completed')).request_counts).toEqual(counts(2, 0, 2));
});
