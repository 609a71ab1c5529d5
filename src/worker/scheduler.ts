import type { Readable } from 'node:stream';
import type { GenerateRequest, GenerationFailure } from '../protocol/generation.js';
import type { ModelReport } from '../protocol/workerApi.js';
import { ChatTemplateError, type ChatPrompt } from './chatPrompt.js';
import { createGenerationTask, type GenerationTask } from './generationTask.js';
import type { LlamaEngine } from './llamaEngine.js';
import { chooseSlot, planStep, type StepBudget } from './stepPlan.js';

export type Submission =
  | { readonly kind: 'accepted'; readonly events: Readable }
  | { readonly kind: 'refused'; readonly failure: GenerationFailure };

/** Runs the generations of one model, several slots in lock-step: one step is one batch of llama.cpp. */
export interface Scheduler {
  /** Claims a slot for the request or says at once why not; `signal` frees the slot before the next step. */
  submit(request: GenerateRequest, signal: AbortSignal): Submission;
  report(): ModelReport;
  /** Resolves when no generation is running. */
  whenIdle(): Promise<void>;
}

export interface SchedulerOptions {
  readonly engine: LlamaEngine;
  readonly prompt: ChatPrompt;
  readonly budget: StepBudget;
}

const progressCheckMs = 500;
/** A prompt chunk of a large model on few cores takes a minute; nothing that works takes longer than this. */
const longestStepMs = 180_000;

export function createScheduler({ engine, prompt, budget }: SchedulerOptions): Scheduler {
  /** In the order of arrival. */
  const active = new Set<GenerationTask>();
  const namespaceOfSlot = new Map<number, string>();
  const idleListeners: (() => void)[] = [];
  let isRunning = false;
  let stepBeganAt = 0;

  function submit(request: GenerateRequest, signal: AbortSignal): Submission {
    const busy = new Set([...active].map((task) => task.slot.index));
    if (busy.size === engine.slots.length) return refuse('no_free_slot', 'All slots are busy.', true);

    let promptTokens: number[];
    try {
      promptTokens = prompt.toTokens(request.messages);
    } catch (error) {
      if (error instanceof ChatTemplateError) return refuse('invalid_prompt', error.message, false);
      throw error;
    }
    const needed = promptTokens.length + Math.max(1, request.resumeTokens.length);
    const available = engine.contextTokens - 1;
    if (promptTokens.length === 0) return refuse('invalid_prompt', 'The prompt is empty.', false);
    if (needed > available) {
      const message = `This model's maximum context length is ${available} tokens, but your messages have ${promptTokens.length} tokens. Shorten the messages.`;
      return refuse('context_length_exceeded', message, false);
    }

    const { cacheNamespace } = request.principal;
    const views = engine.slots.map((slot) => ({
      index: slot.index,
      isBusy: busy.has(slot.index),
      cachedTokens: slot.cachedTokens(),
      cacheNamespace: namespaceOfSlot.get(slot.index),
    }));
    const choice = chooseSlot(views, [...promptTokens, ...request.resumeTokens], cacheNamespace);
    const slot = choice && engine.slots[choice.index];
    if (!slot) return refuse('no_free_slot', 'All slots are busy.', true);

    const task = createGenerationTask({
      request,
      promptTokens,
      slot,
      reusedTokens: choice.reusedTokens,
      engine,
      onCacheTaken: () => namespaceOfSlot.set(slot.index, cacheNamespace),
    });
    active.add(task);
    if (signal.aborted) task.cancel();
    else signal.addEventListener('abort', () => task.cancel(), { once: true });
    if (!isRunning) void run();
    return { kind: 'accepted', events: task.events };
  }

  async function run(): Promise<void> {
    isRunning = true;
    const progress = setInterval(() => {
      // A step that never ends is no life: the silence tells the controller to go on elsewhere.
      if (performance.now() - stepBeganAt < longestStepMs) active.forEach((task) => task.reportProgress());
    }, progressCheckMs);
    try {
      for (removeFinished(); active.size > 0; removeFinished()) await step();
    } finally {
      clearInterval(progress);
      isRunning = false;
      idleListeners.splice(0).forEach((resolve) => resolve());
    }
  }

  /** All calls of a step are made in one go and in ascending order, so that the engine makes one batch of them. */
  async function step(): Promise<void> {
    stepBeganAt = performance.now();
    const taskOfSlot = new Map([...active].map((task) => [task.slot.index, task]));
    const actions = planStep(
      [...active].map((task) => task.view()),
      budget,
    );
    await Promise.all(
      actions.map(async (action) => {
        const task = taskOfSlot.get(action.index);
        try {
          await task?.step(action);
        } catch (error) {
          task?.fail(error);
        }
      }),
    );
  }

  function removeFinished(): void {
    for (const task of active) if (task.isFinished) active.delete(task);
  }

  return {
    submit,
    report: () => ({
      id: engine.modelId,
      slotsTotal: engine.slots.length,
      slotsBusy: active.size,
      contextTokens: engine.contextTokens,
      loadSeconds: engine.loadSeconds,
      memoryBytes: engine.memoryBytes,
      fingerprint: engine.fingerprint,
    }),
    whenIdle: () => (isRunning ? new Promise((resolve) => idleListeners.push(resolve)) : Promise.resolve()),
  };
}

function refuse(code: GenerationFailure['code'], message: string, retryable: boolean): Submission {
  return { kind: 'refused', failure: { code, message, retryable } };
}
