import { expect, it } from 'vitest';
import { anonymousPrincipal } from '../../../src/protocol/generateRequest.js';
import type { Stores } from '../../../src/stores/openStores.js';
import { streamOf, temporaryStores } from '../../support/temporaryStores.js';

function create({ batches }: Stores, inputFileId = 'file-1') {
  return batches.create({
    endpoint: '/v1/chat/completions',
    inputFileId,
    metadata: { run: 'nightly' },
    windowSeconds: 86_400,
    outputLifetimeSeconds: 7200,
    principal: anonymousPrincipal,
  });
}

const output = (line: number) => ({ line, kind: 'output', text: `{"line":${line}}` }) as const;
const error = (line: number) => ({ line, kind: 'error', text: `{"line":${line}}` }) as const;

it('a new batch is validating, with a day to run', () => {
  const stores = temporaryStores().open();
  expect(create(stores)).toEqual({
    id: expect.stringMatching(/^batch_[0-9a-f]{32}$/) as string,
    object: 'batch',
    endpoint: '/v1/chat/completions',
    errors: null,
    input_file_id: 'file-1',
    completion_window: '24h',
    status: 'validating',
    output_file_id: null,
    error_file_id: null,
    created_at: 1_000_000,
    in_progress_at: null,
    expires_at: 1_086_400,
    finalizing_at: null,
    completed_at: null,
    failed_at: null,
    expired_at: null,
    cancelling_at: null,
    cancelled_at: null,
    request_counts: { total: 0, completed: 0, failed: 0 },
    metadata: { run: 'nightly' },
  });
});

it('a line that is recorded again stays what it was and is counted once', async () => {
  const temporary = temporaryStores();
  const { batches, ...stores } = temporary.open();
  const { id } = create({ batches, ...stores });
  batches.begin(id, 4);
  await batches.record(id, [output(1), error(3)]);
  await batches.record(id, [{ ...error(1), text: '{"another":true}' }, output(2)]);
  expect(batches.get(id)?.request_counts).toEqual({ total: 4, completed: 2, failed: 1 });
  expect([...batches.results(id, 'output')]).toEqual(['{"line":1}', '{"line":2}']);
  expect([...batches.results(id, 'error')]).toEqual(['{"line":3}']);
  expect([...batches.finishedLines(id)].sort()).toEqual([1, 2, 3]);
});

it('results come in the order of the input, over all pages, while more are recorded', async () => {
  const stores = temporaryStores().open();
  const { id } = create(stores);
  stores.batches.begin(id, 250);
  for (let line = 249; line >= 1; line--) await stores.batches.record(id, [output(line)]);
  const results = stores.batches.results(id, 'output');
  const read: string[] = [];
  for (const text of results) {
    if (read.push(text) === 1) await stores.batches.record(id, [output(250)]);
  }
  expect(read).toEqual(Array.from({ length: 250 }, (_, index) => `{"line":${index + 1}}`));
});

it('the moves happen from the right state only, each with its time', () => {
  const temporary = temporaryStores();
  const { batches, ...others } = temporary.open();
  const stores = { batches, ...others };
  const statusOf = (id: string) => batches.get(id)?.status;
  const { id } = create(stores);

  batches.finalize(id);
  expect(() => batches.finish(id, 'completed', {})).toThrow('cannot become completed');
  expect(() => batches.finish(id, 'cancelled', {})).toThrow('cannot become cancelled');
  expect(statusOf(id)).toBe('validating');

  temporary.clock.seconds += 10;
  batches.begin(id, 3);
  batches.begin(id, 9);
  temporary.clock.seconds += 10;
  batches.finalize(id);
  batches.cancel(id);
  batches.fail(id, []);
  temporary.clock.seconds += 10;
  batches.finish(id, 'completed', {});
  expect(batches.get(id)).toMatchObject({
    status: 'completed',
    in_progress_at: 1_000_010,
    finalizing_at: 1_000_020,
    completed_at: 1_000_030,
    cancelling_at: null,
    failed_at: null,
    request_counts: { total: 3 },
  });

  const failed = create(stores).id;
  const errors = [{ code: 'empty_file', message: 'Empty.', param: null, line: null }];
  batches.fail(failed, errors);
  batches.begin(failed, 1);
  expect(batches.get(failed)).toMatchObject({
    status: 'failed',
    failed_at: 1_000_030,
    errors: { object: 'list', data: errors },
  });

  const cancelled = create(stores).id;
  batches.cancel(cancelled);
  batches.begin(cancelled, 1);
  expect(statusOf(cancelled)).toBe('cancelling');
  batches.finish(cancelled, 'cancelled', {});
  expect(batches.get(cancelled)).toMatchObject({ cancelling_at: 1_000_030, cancelled_at: 1_000_030 });
});

it('the end of a batch and its files come together, or not at all', async () => {
  const stores = temporaryStores().open();
  const { batches, files } = stores;
  const { id } = create(stores);
  batches.begin(id, 1);
  await batches.record(id, [output(1)]);
  const staged = await files.stage(streamOf('{"line":1}\n'));

  expect(() => batches.finish(id, 'completed', { output: staged })).toThrow();
  expect(files.list({ owner: 'anonymous', order: 'asc', limit: 10 })).toEqual([]);
  expect([...batches.results(id, 'output')]).toHaveLength(1);

  batches.finalize(id);
  batches.finish(id, 'completed', { output: staged });
  const [file] = files.list({ owner: 'anonymous', order: 'asc', limit: 10 });
  expect(file).toMatchObject({
    id: staged.id,
    purpose: 'batch_output',
    filename: `${id}_output.jsonl`,
    expires_at: 1_007_200,
  });
  expect(batches.get(id)).toMatchObject({
    status: 'completed',
    output_file_id: staged.id,
    error_file_id: null,
  });
  expect(batches.get(id)?.request_counts).toEqual({ total: 1, completed: 1, failed: 0 });
  expect([...batches.results(id, 'output')]).toEqual([]);
});

it('what has not come to its end is found again, oldest first, and holds its input', () => {
  const temporary = temporaryStores();
  const first = temporary.open();
  const ids = ['file-a', 'file-b', 'file-c'].map((file) => create(first, file).id);
  first.batches.fail(ids[1] as string, []);
  first.batches.begin(ids[2] as string, 1);
  first.close();

  const { batches } = temporary.open();
  expect(batches.active().map(({ id }) => id)).toEqual([ids[0], ids[2]]);
  expect(batches.activeIdWithInput('file-a')).toBe(ids[0]);
  expect(batches.activeIdWithInput('file-b')).toBeUndefined();
  expect(batches.principalOf(ids[0] as string)).toEqual(anonymousPrincipal);
  expect(batches.list({ owner: 'anonymous', limit: 2 }).map(({ id }) => id)).toEqual([ids[2], ids[1]]);
  expect(batches.list({ owner: 'anonymous', limit: 2, after: ids[1] }).map(({ id }) => id)).toEqual([ids[0]]);
});
