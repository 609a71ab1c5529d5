import type { Readable } from 'node:stream';
import { describeError } from '../../observability/describeError.js';
import type { GenerationFailure } from '../../protocol/generation.js';
import type { GenerateRequest } from '../../protocol/generateRequest.js';
import type { HeldPrefix } from '../../protocol/prefix.js';
import type { StepCounts } from '../../observability/metrics/workerMetrics.js';
import type { ModelReport } from '../../protocol/workerApi.js';
import type { ChatPrompt } from '../chat/chatPrompt.js';
import type { LlamaEngine } from '../engine/engine.js';
import { createGenerationTask, type GenerationTask } from '../generation/generationTask.js';
import { prepareGeneration } from '../generation/prepareGeneration.js';
import type { SequenceView } from '../generation/sequenceView.js';
import { RefusedError } from '../refusedError.js';
import type { SlotCaches } from './slotCaches.js';
import { commonPrefix, planMove, worthwhileTokens } from './slotPlacement.js';
import { planStep, type StepBudget } from './stepPlan.js';

export type Submission =
  | { readonly kind: 'accepted'; readonly events: Readable }
  | { readonly kind: 'refused'; readonly failure: GenerationFailure };

/** Runs the generations of one model, several slots in lock-step: every decoder goes in every step. */
export interface Scheduler {
  /** Claims a slot for the request or says at once why not; `signal` frees the slot before the next step. */
  submit(request: GenerateRequest, signal: AbortSignal): Submission;
  report(): ModelReport;
  /** What it has computed since it started. */
  steps(): StepCounts;
  /** Ends what still runs, with a word that tells the controller to let it go on elsewhere. */
  dismiss(): void;
  /** Names of the prompt prefixes that its caches hold, in slots and on disk. */
  heldPrefixes(): HeldPrefix[];
  /** Resolves when no generation is running. */
  whenIdle(): Promise<void>;
}

export interface SchedulerOptions {
  readonly engine: LlamaEngine;
  readonly prompt: ChatPrompt;
  readonly caches: SlotCaches;
  readonly budget: StepBudget;
}

const leaving: GenerationFailure = {
  code: 'draining',
  message: 'This worker is shutting down.',
  retryable: true,
};
const progressCheckMs = 500;
/** A prompt chunk of a large model on few cores takes a minute; nothing that works takes longer than this. */
const longestStepMs = 180_000;
/** What decoders wait for beside their step: states of slots that are saved, loaded or copied before it. */
const longestPreparationMs = 10;
/** A gap between active slots costs a micro-batch a step; one that lasts so long is worth moving a sequence. */
const stepsBeforeMove = 8;
/** A sequence that ends sooner is not worth moving. */
const fewTokensLeft = 32;

export function createScheduler({ engine, prompt, caches, budget }: SchedulerOptions): Scheduler {
  /** In the order of arrival. */
  const active = new Set<GenerationTask>();
  /** What tasks are worth to those who wait for their prefix: the largest priority of these. */
  const lentPriorities = new Map<GenerationTask, number>();
  const idleListeners: (() => void)[] = [];
  let isRunning = false;
  let stepBeganAt = 0;
  let steps = 0;
  let sequences = 0;
  let fragmentedSteps = 0;
  /** The slot that a sequence is being moved to: nobody else may have it. */
  let movingTo: number | undefined;

  function submit(request: GenerateRequest, signal: AbortSignal): Submission {
    const busy = new Set([...active].map((task) => task.slot));
    if (movingTo !== undefined) busy.add(movingTo);
    if (busy.size === engine.slotCount) return refuse('no_free_slot', 'All slots are busy.', true);
    try {
      const prepared = prepareGeneration(request, engine, prompt);
      const tokens = [...prepared.promptTokens, ...request.resumeTokens];
      const chosen = caches.choose(tokens, request.principal.cacheNamespace, busy);
      if (!chosen) return refuse('no_free_slot', 'All slots are busy.', true);
      const task = createGenerationTask(prepared, chosen.index, chosen.tokens, engine);
      active.add(task);
      if (signal.aborted) task.cancel();
      else signal.addEventListener('abort', () => task.cancel(), { once: true });
      if (!isRunning) void run();
      return { kind: 'accepted', events: task.events };
    } catch (error) {
      if (error instanceof RefusedError) return { kind: 'refused', failure: error.failure };
      throw error;
    }
  }

  /** The decoders have waited long enough for this step to begin. */
  function isLate(): boolean {
    return performance.now() - stepBeganAt > longestPreparationMs;
  }

  async function run(): Promise<void> {
    isRunning = true;
    const progress = setInterval(() => {
      // A step that never ends is no life: the silence tells the controller to go on elsewhere.
      if (performance.now() - stepBeganAt < longestStepMs) active.forEach((task) => task.reportProgress());
    }, progressCheckMs);
    try {
      for (removeFinished(); active.size > 0; removeFinished()) {
        stepBeganAt = performance.now();
        await closeGap();
        await beginWaiting();
        await step();
      }
    } catch (error) {
      for (const task of active) task.fail(toFailure(error));
      removeFinished();
    } finally {
      clearInterval(progress);
      isRunning = false;
      idleListeners.splice(0).forEach((resolve) => resolve());
    }
  }

  /**
   * Gives new tasks what is cached of their prompts. A task whose prefix is being evaluated by another waits for it, and
   * lends it its priority: else all that lie between the two would go first.
   */
  async function beginWaiting(): Promise<void> {
    lentPriorities.clear();
    for (const task of active) {
      if (task.hasBegun || task.isFinished) continue;
      const leader = findLeader(task);
      if (leader) {
        const { priority } = task.request.principal;
        lentPriorities.set(leader, Math.max(priority, lentPriorities.get(leader) ?? priority));
        continue;
      }
      if (isLate()) continue;
      try {
        const { cacheNamespace } = task.request.principal;
        const cached = await caches.fill(task.slot, task.sequence, cacheNamespace, task.prefixMarks);
        const wholeBlocks = engine.wholeBlocks(task.slot);
        engine.truncate(task.slot, task.blocks.toUsable(cached, wholeBlocks));
        // Some models cannot drop the end of a sequence: what is left is what counts.
        task.begin(engine.cachedTokens(task.slot).length, wholeBlocks);
      } catch (error) {
        task.fail(toFailure(error));
      }
    }
  }

  /** Who is evaluating what this task can have for nothing. */
  function findLeader(task: GenerationTask): GenerationTask | undefined {
    const { cacheNamespace } = task.request.principal;
    return [...active].find((other) => {
      if (other === task || !other.hasBegun || other.isFinished) return false;
      if (other.request.principal.cacheNamespace !== cacheNamespace) return false;
      const shared = commonPrefix(other.sequence, task.sequence);
      const evaluated = commonPrefix(engine.cachedTokens(other.slot), task.sequence);
      const own = commonPrefix(engine.cachedTokens(task.slot), task.sequence);
      return shared > evaluated && shared >= own + worthwhileTokens;
    });
  }

  /** Moves the last active sequence into a gap between the others, if the gap has been there for a while. */
  async function closeGap(): Promise<void> {
    // A task that waits for another one's prefix has its slot, too: that is no gap.
    const tasks = [...active];
    const move = planMove(tasks.map((task) => task.slot));
    fragmentedSteps = move ? fragmentedSteps + 1 : 0;
    const task = tasks.find(({ slot, hasBegun }) => hasBegun && slot === move?.from);
    if (!move || !task || fragmentedSteps < stepsBeforeMove || task.tokensLeft < fewTokensLeft) return;
    fragmentedSteps = 0;
    movingTo = move.to;
    try {
      await caches.move(move.from, move.to);
      task.moveTo(move.to);
    } catch {
      // The move only saves time, and what is in its slot stays there until it has succeeded.
    } finally {
      movingTo = undefined;
    }
  }

  /** All active sequences that have a turn, in ascending order. */
  async function step(): Promise<void> {
    const tasks = [...active].filter((task) => task.hasBegun && !task.isFinished);
    const taskOfSlot = new Map(tasks.map((task) => [task.slot, task]));
    if (taskOfSlot.size < tasks.length) throw new Error('two sequences have the same slot');
    const views = tasks.map((task): SequenceView => {
      const view = task.view();
      return { ...view, priority: Math.max(view.priority, lentPriorities.get(task) ?? view.priority) };
    });
    const stepBudget = isLate() ? { ...budget, besideDecodersTokens: 0 } : budget;
    const actions = planStep(views, stepBudget, engine.batchTokens);
    const stepped = actions.flatMap((action) => taskOfSlot.get(action.index) ?? []);
    // A loop without a step would never end, and never let anything else run.
    if (stepped.length === 0 && tasks.length > 0) throw new Error('no active sequence can be stepped');
    if (stepped.length === 0) return;
    steps++;
    sequences += stepped.length;
    const results = await engine.step(
      actions.flatMap((action) => taskOfSlot.get(action.index)?.toEntry(action) ?? []),
    );
    results.forEach((result, index) => {
      const task = stepped[index];
      try {
        task?.take(result);
      } catch (error) {
        // It is this request's output that cannot be read: it would be so elsewhere, and is nobody else's trouble.
        task?.fail({ ...toFailure(error), retryable: false });
      }
    });
  }

  function removeFinished(): void {
    for (const task of active) {
      if (!task.isFinished) continue;
      active.delete(task);
      task.release();
    }
  }

  return {
    submit,
    report: () => ({
      id: engine.modelId,
      kind: 'generation',
      slotsTotal: engine.slotCount,
      slotsBusy: active.size + (movingTo === undefined ? 0 : 1),
      contextTokens: engine.contextTokens,
      loadSeconds: engine.loadSeconds,
      memoryBytes: engine.memoryBytes,
      sizeBytes: engine.sizeBytes,
      layers: engine.layers,
      cachedTokens: caches.cachedTokens(),
      fingerprint: engine.fingerprint,
    }),
    steps: () => {
      const deferred = [...active].filter((task) => !task.hasBegun && !task.isFinished).length;
      return { steps, sequences, deferred };
    },
    dismiss: () => active.forEach((task) => task.fail(leaving)),
    heldPrefixes: () => caches.held(),
    whenIdle: () => (isRunning ? new Promise((resolve) => idleListeners.push(resolve)) : Promise.resolve()),
  };
}

function refuse(code: GenerationFailure['code'], message: string, retryable: boolean): Submission {
  return { kind: 'refused', failure: { code, message, retryable } };
}

function toFailure(error: unknown): GenerationFailure {
  return {
    code: 'engine_failed',
    // It goes into logs.
    message: describeError(error),
    retryable: true,
  };
}
