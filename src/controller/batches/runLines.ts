import { randomUUID } from 'node:crypto';
import type { Principal } from '../../protocol/generateRequest.js';
import type { Batch, BatchLine, BatchResult } from '../../protocol/openai/batches.js';
import type { BatchStore, LineResult } from '../../stores/batchStore.js';
import type { ExecuteLine } from './executeLine.js';
import type { LinePermits } from './linePermits.js';
import type { NumberedLine } from './readLines.js';

export interface RunLinesDeps {
  readonly store: Pick<BatchStore, 'record' | 'finishedLines' | 'principalOf'>;
  readonly execute: ExecuteLine;
  readonly permits: LinePermits;
  /** Resolves also when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Requests of clients who wait go first. */
const batchPriority = -1;
const firstRetryMs = 1_000;
const longestRetryMs = 30_000;

/**
 * Runs the lines that are not finished yet; a line is when its result is in the store. Ends early, giving up those in
 * flight, when the signal aborts or something else than a line fails.
 */
export async function runLines(
  deps: RunLinesDeps,
  batch: Batch,
  lines: AsyncIterable<NumberedLine>,
  signal: AbortSignal,
): Promise<void> {
  const { store, execute, permits, wait } = deps;
  const principal: Principal = { ...store.principalOf(batch.id), priority: batchPriority };
  const finished = store.finishedLines(batch.id);
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  const inFlight = new Set<Promise<void>>();

  async function runLine(number: number, { custom_id: customId, url, body }: BatchLine): Promise<void> {
    for (let retryMs = firstRetryMs; !stop.aborted; retryMs = Math.min(retryMs * 2, longestRetryMs)) {
      const requestId = `req_${randomUUID().replaceAll('-', '')}`;
      const answer = await execute(url, body, { batchId: batch.id, requestId, principal, signal: stop });
      const isDone = answer.statusCode === 200;
      if (stop.aborted && !isDone) return;
      if (answer.isBusy) {
        await wait(retryMs, stop);
        continue;
      }
      const response = { status_code: answer.statusCode, request_id: requestId, body: answer.body };
      await store.record(batch.id, [
        toLineResult(number, isDone ? 'output' : 'error', { custom_id: customId, response, error: null }),
      ]);
      return;
    }
  }

  try {
    for await (const { number, text } of lines) {
      if (text === undefined || finished.has(number)) continue;
      const line = JSON.parse(text) as BatchLine;
      const release = await permits.acquire(line.body.model, stop);
      if (!release) break;
      const running = runLine(number, line)
        .catch((error: unknown) => failure.abort(error))
        .finally(() => {
          release();
          inFlight.delete(running);
        });
      inFlight.add(running);
    }
  } catch (error) {
    failure.abort(error);
  }
  await Promise.all(inFlight);
  if (failure.signal.aborted) throw failure.signal.reason;
}

/** Records for the lines that are not finished that they never will be. */
export async function recordUnrun(
  store: Pick<BatchStore, 'record' | 'finishedLines'>,
  batch: Batch,
  lines: AsyncIterable<NumberedLine>,
  error: NonNullable<BatchResult['error']>,
): Promise<void> {
  const finished = store.finishedLines(batch.id);
  let results: LineResult[] = [];
  for await (const { number, text } of lines) {
    if (text === undefined || finished.has(number)) continue;
    const { custom_id } = JSON.parse(text) as BatchLine;
    results.push(toLineResult(number, 'error', { custom_id, response: null, error }));
    if (results.length < 100) continue;
    await store.record(batch.id, results);
    results = [];
  }
  await store.record(batch.id, results);
}

type Outcome = Omit<BatchResult, 'id' | 'response'> & {
  response: { status_code: number; request_id: string; body: object } | null;
};

function toLineResult(line: number, kind: LineResult['kind'], outcome: Outcome): LineResult {
  const id = `batch_req_${randomUUID().replaceAll('-', '')}`;
  return { line, kind, text: JSON.stringify({ id, ...outcome }) };
}
