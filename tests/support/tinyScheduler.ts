import { createChatPrompt } from '../../src/worker/chat/chatPrompt.js';
import type { LlamaEngine } from '../../src/worker/engine/engine.js';
import type { PrefixStore } from '../../src/worker/scheduler/prefixStore.js';
import { createScheduler, type Scheduler } from '../../src/worker/scheduler/scheduler.js';
import { createSlotCaches } from '../../src/worker/scheduler/slotCaches.js';
import { defaultStepBudget, type StepBudget } from '../../src/worker/scheduler/stepPlan.js';

/** A scheduler as the worker makes it. */
export function toScheduler(
  engine: LlamaEngine,
  { budget = defaultStepBudget, store }: { budget?: StepBudget; store?: PrefixStore } = {},
): Scheduler {
  return createScheduler({
    engine,
    prompt: createChatPrompt(engine),
    caches: createSlotCaches(engine, store),
    budget,
  });
}
