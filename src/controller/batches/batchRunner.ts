import { describeError } from '../../observability/describeError.js';
import type { ControllerEvents } from '../../observability/events.js';
import { ApiError } from '../../protocol/apiError.js';
import type { Batch } from '../../protocol/openai/batches.js';
import type { BatchEnd, BatchStore } from '../../stores/batchStore.js';
import type { FileStore, StagedFile } from '../../stores/fileStore.js';
import { maxBodyBytes } from '../middleware/parseJsonBody.js';
import { checkLines } from './checkLines.js';
import { readLines } from './readLines.js';
import { recordUnrun, runLines, type RunLinesDeps } from './runLines.js';

/** Brings batches to their end. All state is in the store: what a crash interrupts goes on from there. */
export interface BatchRunner {
  /** Takes up a new batch, or one that an earlier process left. */
  run(id: string): void;
  /** Stops what runs of it and keeps what is finished. */
  cancel(id: string): void;
  /** Ends batches whose time is over. */
  checkDeadlines(): void;
  /** Resolves when nothing runs any more; lines in flight are given up, and run again after the next start. */
  close(): Promise<void>;
}

export interface BatchRunnerDeps extends Omit<RunLinesDeps, 'store'> {
  readonly store: BatchStore;
  readonly files: Pick<FileStore, 'get' | 'read' | 'stage' | 'discard'>;
  /** @throws ApiError where the endpoint cannot be asked for this model with this key. */
  readonly requireModel: (endpoint: string, model: string, keyId: string) => void;
  /** Without any worker it is not known which models there are. */
  readonly hasWorkers: () => boolean;
  readonly events: Pick<ControllerEvents, 'batchStatusChanged' | 'batchStepFailed'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const ends: ReadonlySet<Batch['status']> = new Set(['completed', 'failed', 'expired', 'cancelled']);
const workerPollMs = 500;
/** After what should not happen, as a full disk. */
const stepRetryMs = 10_000;
const expiredLine = {
  code: 'batch_expired',
  message: 'This request could not be executed before the completion window expired.',
};

interface Run {
  /** Ends the current step. */
  stop: AbortController;
  ended: Promise<void>;
}

export function createBatchRunner(deps: BatchRunnerDeps): BatchRunner {
  const { store, files, events, now, wait } = deps;
  const runs = new Map<string, Run>();
  let isClosing = false;

  const openLines = (batch: Batch, signal?: AbortSignal) =>
    readLines(files.read(batch.input_file_id, signal), maxBodyBytes);
  const isOverdue = (batch: Batch) =>
    now() >= batch.expires_at * 1000 && ['validating', 'in_progress'].includes(batch.status);

  async function validate(batch: Batch, signal: AbortSignal): Promise<void> {
    while (!deps.hasWorkers()) {
      await wait(workerPollMs, signal);
      if (signal.aborted) return;
    }
    const { id, endpoint } = batch;
    const { keyId } = store.principalOf(id);
    const requireModel = (model: string) => deps.requireModel(endpoint, model, keyId);
    const { total, errors } = await checkLines(openLines(batch, signal), { endpoint, requireModel });
    if (errors.length > 0) store.fail(id, errors);
    else store.begin(id, total);
  }

  async function runAll(batch: Batch, signal: AbortSignal): Promise<void> {
    await runLines(deps, batch, openLines(batch, signal), signal);
    const after = store.get(batch.id);
    if (after && isFinished(after)) store.finalize(batch.id);
    else if (!signal.aborted) throw new Error('the input file has fewer lines than it had');
  }

  async function expire(batch: Batch): Promise<void> {
    const isChecked = batch.status === 'in_progress';
    if (isChecked) await recordUnrun(store, batch, openLines(batch), expiredLine);
    await writeFiles(batch, 'expired');
  }

  async function writeFiles({ id }: Batch, end: BatchEnd): Promise<void> {
    const staged: { output?: StagedFile; error?: StagedFile } = {};
    try {
      for (const kind of ['output', 'error'] as const) {
        const file = await files.stage(toLines(store.results(id, kind)));
        if (file.bytes > 0) staged[kind] = file;
        else await files.discard(file);
      }
      store.finish(id, end, staged);
    } catch (error) {
      await Promise.all(Object.values(staged).map((file) => files.discard(file)));
      throw error;
    }
  }

  /** Brings a batch to its next state, or as near as it can. */
  async function advance(batch: Batch, signal: AbortSignal): Promise<void> {
    const { id, status, input_file_id: fileId } = batch;
    if ((status === 'validating' || status === 'in_progress') && !files.get(fileId)) {
      const message = `The input file ${fileId} is gone.`;
      return store.fail(id, [{ code: 'file_not_found', message, param: 'input_file_id', line: null }]);
    }
    switch (status) {
      case 'validating':
        return isOverdue(batch) ? expire(batch) : validate(batch, signal);
      case 'in_progress':
        return isOverdue(batch) && !isFinished(batch) ? expire(batch) : runAll(batch, signal);
      case 'finalizing':
        return writeFiles(batch, 'completed');
      case 'cancelling':
        return writeFiles(batch, 'cancelled');
      default:
        throw new Error(`a batch that is ${status} has come to its end`);
    }
  }

  async function runToEnd(id: string, run: Run): Promise<void> {
    let status: Batch['status'] | undefined;
    while (!isClosing) {
      run.stop = new AbortController();
      const { signal } = run.stop;
      try {
        const batch = store.get(id);
        if (!batch) return;
        if (batch.status !== status) {
          status = batch.status;
          events.batchStatusChanged({ batchId: id, status, counts: batch.request_counts });
        }
        if (ends.has(status)) return;
        await advance(batch, signal);
      } catch (error) {
        if (signal.aborted) continue;
        events.batchStepFailed({ batchId: id, status, reason: describeError(error) });
        await wait(stepRetryMs, signal);
      }
    }
  }

  return {
    run(id) {
      if (isClosing || runs.has(id)) return;
      const run: Run = { stop: new AbortController(), ended: Promise.resolve() };
      runs.set(id, run);
      run.ended = runToEnd(id, run).finally(() => runs.delete(id));
    },
    cancel(id) {
      store.cancel(id);
      runs.get(id)?.stop.abort(new ApiError('request_aborted'));
    },
    checkDeadlines() {
      for (const [id, { stop }] of runs) {
        const batch = store.get(id);
        if (batch && isOverdue(batch)) stop.abort(new ApiError('request_aborted'));
      }
    },
    async close() {
      isClosing = true;
      for (const { stop } of runs.values()) stop.abort(new ApiError('server_is_draining'));
      await Promise.all([...runs.values()].map((run) => run.ended));
    },
  };
}

function isFinished({ request_counts: { total, completed, failed } }: Batch): boolean {
  return completed + failed === total;
}

function* toLines(texts: Iterable<string>): Generator<string> {
  for (const text of texts) yield `${text}\n`;
}
