import { onTestFinished } from 'vitest';
import { createBatchRunner, type BatchRunner } from '../../src/controller/batches/batchRunner.js';
import type { LineAnswer } from '../../src/controller/batches/executeLine.js';
import { createLinePermits } from '../../src/controller/batches/linePermits.js';
import { anonymousPrincipal, type Principal } from '../../src/protocol/generateRequest.js';
import type { Batch, BatchResult, BatchStatus } from '../../src/protocol/openai/batches.js';
import type { FileStore } from '../../src/stores/fileStore.js';
import type { Stores } from '../../src/stores/openStores.js';
import { eventually } from './eventually.js';
import { storeInput, temporaryStores } from './temporaryStores.js';

/** A line that is being executed; the test decides how it ends. */
export interface RunningLine {
  /** The `prompt` of its body. */
  readonly prompt: string;
  readonly requestId: string;
  readonly principal: Principal;
  readonly signal: AbortSignal;
  answer(answer: Partial<LineAnswer>): void;
}

export interface BatchBench {
  readonly stores: Stores;
  readonly runner: BatchRunner;
  readonly running: readonly RunningLine[];
  /** How often each prompt was executed, over all runners. */
  readonly executed: Map<string, number>;
  readonly statuses: BatchStatus[];
  readonly failures: string[];
  /** The waits that nobody has ended yet, in milliseconds. */
  readonly waits: readonly { readonly ms: number; end(): void }[];
  readonly clock: { seconds: number };
  limit: number;
  /** Lines that run, or have a place in the row of those that wait for it. */
  permitsAsked: number;
  hasWorkers: boolean;
  /** Whether lines end by themselves when they are aborted. */
  givesUpAtOnce: boolean;
  /** Replaces the files that the runner sees. */
  files: Pick<FileStore, 'get' | 'read' | 'stage' | 'discard'>;
  /** Creates a batch with a line for each prompt and has it run. */
  start(...prompts: string[]): Promise<Batch>;
  get(id: string): Batch;
  line(prompt: string): Promise<RunningLine>;
  until(id: string, status: BatchStatus): Promise<Batch>;
  results(fileId: string | null): Promise<BatchResult[]>;
  /** Closes the runner and the stores, and opens them again as the next process would. */
  restart(): Promise<void>;
}

const endpoint = '/v1/completions';

export function toInput(prompts: readonly string[]): string {
  return prompts
    .map((prompt) => ({
      custom_id: `id-${prompt}`,
      method: 'POST',
      url: endpoint,
      body: { model: 'm', prompt },
    }))
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

/** Batches on real stores, with lines that end when the test says so and a clock that stands still. */
export function createBatchBench(): BatchBench {
  const temporary = temporaryStores();
  const running: RunningLine[] = [];
  const waits: { ms: number; end(): void }[] = [];
  const leave = <T>(list: T[], item: T) => void list.splice(list.indexOf(item), 1);

  function startRunner(): void {
    bench.stores = temporary.open();
    const { batches } = bench.stores;
    const permits = createLinePermits(() => bench.limit);
    bench.files = bench.stores.files;
    bench.runner = createBatchRunner({
      store: batches,
      files: {
        get: (fileId) => bench.files.get(fileId),
        read: (...args) => bench.files.read(...args),
        stage: (content) => bench.files.stage(content),
        discard: (staged) => bench.files.discard(staged),
      },
      permits: {
        acquire: (model, signal) => {
          bench.permitsAsked++;
          return permits.acquire(model, signal);
        },
      },
      requireModel: () => undefined,
      hasWorkers: () => bench.hasWorkers,
      events: {
        batchStatusChanged: ({ status }) => void bench.statuses.push(status),
        batchStepFailed: ({ reason }) => void bench.failures.push(reason),
      },
      now: () => temporary.clock.seconds * 1000,
      wait: (ms, signal) =>
        new Promise((resolve) => {
          const wait = {
            ms,
            end: () => {
              leave(waits, wait);
              signal.removeEventListener('abort', wait.end);
              resolve();
            },
          };
          waits.push(wait);
          signal.addEventListener('abort', wait.end, { once: true });
        }),
      execute: (_url, body, { requestId, principal, signal }) =>
        new Promise((resolve) => {
          const { prompt } = body as { prompt: string };
          bench.executed.set(prompt, (bench.executed.get(prompt) ?? 0) + 1);
          const line: RunningLine = {
            prompt,
            requestId,
            principal,
            signal,
            answer: (answer) => {
              leave(running, line);
              signal.removeEventListener('abort', giveUp);
              resolve({ statusCode: 200, body: { text: `answer to ${prompt}` }, isBusy: false, ...answer });
            },
          };
          const giveUp = () => {
            if (bench.givesUpAtOnce) line.answer({ statusCode: 499, body: {} });
          };
          running.push(line);
          signal.addEventListener('abort', giveUp);
        }),
    });
  }

  const bench: Omit<BatchBench, 'stores' | 'runner'> & { stores: Stores; runner: BatchRunner } = {
    stores: undefined as never,
    runner: undefined as never,
    files: undefined as never,
    running,
    executed: new Map(),
    statuses: [],
    failures: [],
    waits,
    clock: temporary.clock,
    limit: 8,
    permitsAsked: 0,
    hasWorkers: true,
    givesUpAtOnce: true,
    async start(...prompts) {
      const { stores, runner } = bench;
      const batch = stores.batches.create({
        endpoint,
        inputFileId: await storeInput(stores, toInput(prompts)),
        metadata: null,
        windowSeconds: 86_400,
        outputLifetimeSeconds: 3600,
        principal: { ...anonymousPrincipal, keyId: 'key_1' },
      });
      runner.run(batch.id);
      return batch;
    },
    get: (id) => bench.stores.batches.get(id) as Batch,
    line: (prompt) =>
      eventually(() => {
        const line = running.find((candidate) => candidate.prompt === prompt);
        if (!line) throw new Error(`${prompt} does not run`);
        return line;
      }),
    until: (id, status) =>
      eventually(() => {
        const batch = bench.get(id);
        if (batch.status !== status) throw new Error(`the batch is ${batch.status}`);
        return batch;
      }),
    async results(fileId) {
      let text = '';
      for await (const chunk of bench.stores.files.read(fileId ?? '')) text += String(chunk);
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as BatchResult);
    },
    async restart() {
      await bench.runner.close();
      bench.stores.close();
      startRunner();
      for (const { id } of bench.stores.batches.active()) bench.runner.run(id);
    },
  };
  startRunner();
  onTestFinished(() => bench.runner.close());
  return bench;
}
