import { setTimeout as delay } from 'node:timers/promises';
import type { ControllerEvents } from '../../observability/events.js';
import type { Stores } from '../../stores/openStores.js';
import type { KeyRing } from '../keys/keyRing.js';
import type { OpenAccount } from '../limits/accounts.js';
import { requireModel, type ModelRegistry } from '../routes/models.js';
import { createBatchRunner, type BatchRunner } from './batchRunner.js';
import { createLineExecutor, type BatchEndpoint } from './executeLine.js';
import { createLinePermits } from './linePermits.js';

export interface BatchesDeps {
  readonly stores: Pick<Stores, 'files' | 'batches'>;
  readonly endpoints: Readonly<Record<string, BatchEndpoint>>;
  readonly models: Pick<ModelRegistry, 'ids' | 'kindOf'>;
  readonly keys: Pick<KeyRing, 'find'>;
  readonly openAccount: OpenAccount;
  /** Of all workers that are ready. */
  readonly slotsOf: (model: string) => number;
  readonly hasWorkers: () => boolean;
  readonly events: Pick<ControllerEvents, 'batchLineFinished' | 'batchStatusChanged' | 'batchStepFailed'>;
  /** Milliseconds since 1970, by default the machine's. */
  readonly now?: () => number;
}

export interface Batches {
  readonly runner: BatchRunner;
  /** Begins, with what an earlier process left. Only for the owner of the stores: what another one writes is swept. */
  resume(): void;
  close(): Promise<void>;
}

/** More would leave a small queue to batches alone. */
const maxLinesAtOnce = 8;
/** Between two looks at what has expired. */
export const housekeepingMs = 30_000;

/** The batches of a controller: they run beside its requests, and its files expire. */
export function createBatches(deps: BatchesDeps): Batches {
  const { stores, endpoints, models, keys, openAccount, slotsOf, hasWorkers, events, now = Date.now } = deps;
  const { files, batches } = stores;
  const runner = createBatchRunner({
    store: batches,
    files,
    execute: createLineExecutor({ endpoints, keys, openAccount, events }),
    permits: createLinePermits((model) => Math.min(maxLinesAtOnce, Math.max(1, slotsOf(model)))),
    requireModel: (endpoint, model, keyId) => {
      const kind = endpoints[endpoint]?.kind;
      if (kind) requireModel(models, { key: keys.find(keyId)?.key }, model, kind);
    },
    hasWorkers,
    events,
    now,
    wait: (ms, signal) => delay(ms, undefined, { signal, ref: false }).catch(() => undefined),
  });
  let timer: NodeJS.Timeout | undefined;

  return {
    runner,
    resume() {
      files.sweep();
      timer = setInterval(() => {
        runner.checkDeadlines();
        deleteExpiredFiles(stores);
      }, housekeepingMs);
      timer.unref();
      for (const { id } of batches.active()) runner.run(id);
    },
    close() {
      clearInterval(timer);
      return runner.close();
    },
  };
}

/** The input of a batch stays until the batch has ended. */
function deleteExpiredFiles({ files, batches }: Pick<Stores, 'files' | 'batches'>): void {
  for (const { id } of files.expired()) {
    if (batches.activeIdWithInput(id) === undefined) files.delete(id);
  }
}
