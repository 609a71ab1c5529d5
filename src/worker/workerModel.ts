import type { ModelKind, ModelReport } from '../protocol/workerApi.js';
import { createChatPrompt, type ChatPrompt } from './chat/chatPrompt.js';
import { withBeginToken } from './engine/engine.js';
import type { LoadedModel } from './engine/llamaRuntime.js';
import { measureStepBudget } from './scheduler/measureStepBudget.js';
import type { ModelTokenizer } from './engine/poolingEngine.js';
import { createPoolingService, type PoolingService } from './pooling/poolingService.js';
import type { PrefixStore } from './scheduler/prefixStore.js';
import { createScheduler, type Scheduler } from './scheduler/scheduler.js';
import { createSlotCaches } from './scheduler/slotCaches.js';

/** A loaded model with what answers its requests. */
export type WorkerModel = {
  readonly tokenizer: ModelTokenizer;
  /** Puts the begin and end tokens around those of a text. */
  readonly bound: (tokens: number[]) => number[];
  /** What its users should know of how it is run. */
  readonly warning?: string | undefined;
  report(): ModelReport;
  whenIdle(): Promise<void>;
  dispose(): Promise<void>;
} & (
  | { readonly kind: 'generation'; readonly scheduler: Scheduler; readonly prompt: ChatPrompt }
  | { readonly kind: Exclude<ModelKind, 'generation'>; readonly pooling: PoolingService }
);

export interface WorkerModelOptions {
  /** Requests at the same time of models that embed or rank; generating models have their own. */
  readonly slots: number;
  readonly prefixStore: PrefixStore | undefined;
}

export async function createWorkerModel(
  loaded: LoadedModel,
  { slots, prefixStore }: WorkerModelOptions,
): Promise<WorkerModel> {
  if (loaded.kind !== 'generation') {
    const { kind, engine } = loaded;
    const pooling = createPoolingService(engine, slots);
    const { report, whenIdle } = pooling;
    const { bound, dispose } = engine;
    return { kind, pooling, tokenizer: engine, bound, report, whenIdle, dispose };
  }
  const { kind, engine } = loaded;
  const prompt = createChatPrompt(engine);
  const scheduler = createScheduler({
    engine,
    prompt,
    caches: createSlotCaches(engine, prefixStore),
    budget: await measureStepBudget(engine),
  });
  const { report, whenIdle } = scheduler;
  const { warning } = prompt;
  const bound = (tokens: number[]) => withBeginToken(engine, tokens);
  const { dispose } = engine;
  return { kind, scheduler, prompt, tokenizer: engine, bound, warning, report, whenIdle, dispose };
}
