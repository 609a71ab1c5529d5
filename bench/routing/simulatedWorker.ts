import type { HeldPrefix } from '../../src/protocol/prefix.js';
import { collectMarks, marksWithin, type PrefixMarks } from '../../src/worker/scheduler/prefixMarks.js';
import { worthwhileTokens } from '../../src/worker/scheduler/slotPlacement.js';
import { attentionBlockTokens, countBlocks } from '../../src/worker/engine/attentionBlocks.js';
import { defaultStepBudget, planStep } from '../../src/worker/scheduler/stepPlan.js';
import { templateTokens, type Segment } from './conversations.js';

/** What a step of a worker costs, measured on a real one. */
export interface StepCosts {
  /** Of a step that decodes at all, and of each decoder in it. */
  readonly decodeBaseMs: number;
  readonly decoderMs: number;
  readonly promptTokenMs: number;
}

export interface SimulatedWorkerOptions {
  readonly slots: number;
  /** Of prompts that had to leave their slot. */
  readonly diskTokens: number;
  readonly costs: StepCosts;
  /** Of the whole machine, 1 being normal. */
  readonly speed: number;
  /** Noise of a step: 1 in the mean. */
  readonly jitter: () => number;
}

/** One request on its worker. */
export interface SimulatedTask {
  readonly prompt: readonly Segment[];
  readonly promptTokens: number;
  readonly answer: Segment;
  readonly marks: PrefixMarks;
  slot: number;
  /** Undefined until it has begun. */
  reusedTokens: number | undefined;
  evaluatedTokens: number;
  producedTokens: number;
}

interface Cache {
  segments: readonly Segment[];
  tokens: number;
  marks: PrefixMarks;
}

const worthSavingTokens = 128;

/** Slots, caches, disk and steps as the real worker has them, with costs in place of arithmetic. */
export class SimulatedWorker {
  readonly tasks: SimulatedTask[] = [];
  readonly #options: SimulatedWorkerOptions;
  readonly #slots: (Cache & { lastUse: number })[];
  /** The least recently used comes first. */
  #disk: Cache[] = [];
  #uses = 0;

  constructor(options: SimulatedWorkerOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.slots }, () => ({
      segments: [],
      tokens: 0,
      marks: [],
      lastUse: 0,
    }));
  }

  get slotsFree(): number {
    return this.#options.slots - this.tasks.length;
  }

  /** What a request would find here now. */
  cachedTokens(prompt: readonly Segment[]): number {
    const caches = [...this.#slots, ...this.#disk];
    return Math.max(0, ...caches.map((cache) => common(cache, prompt)));
  }

  /** Claims a slot; says what is cached now, as `accepted` does. */
  accept(task: Pick<SimulatedTask, 'prompt' | 'promptTokens' | 'answer' | 'marks'>): {
    readonly task: SimulatedTask;
    readonly cachedTokens: number;
  } {
    const taken = new Set(this.tasks.map(({ slot }) => slot));
    const free = this.#slots
      .map((cache, slot) => ({ slot, cache, shared: common(cache, task.prompt) }))
      .filter(({ slot }) => !taken.has(slot));
    const worth = (shared: number) => (shared >= worthwhileTokens ? shared : 0);
    free.sort((a, b) => worth(b.shared) - worth(a.shared) || a.cache.lastUse - b.cache.lastUse);
    const slot = free[0]?.slot;
    if (slot === undefined) throw new Error('no slot is free');
    const cachedTokens = Math.max(0, ...this.#slots.map((cache) => common(cache, task.prompt)));
    const accepted = { ...task, slot, reusedTokens: undefined, evaluatedTokens: 0, producedTokens: 0 };
    this.tasks.push(accepted);
    return { task: accepted, cachedTokens };
  }

  /** Plans the next step; `end` is to be called when it is over and says who got a token. Undefined: nothing to do. */
  beginStep(): { readonly ms: number; end(): SimulatedTask[] } | undefined {
    for (const task of this.tasks)
      if (task.reusedTokens === undefined && !this.#isFollowing(task)) this.#begin(task);
    const begun = this.tasks.filter(({ reusedTokens }) => reusedTokens !== undefined);
    if (begun.length === 0) return undefined;
    const actions = planStep(
      begun.map((task) => {
        const prefillTokens = task.promptTokens - task.evaluatedTokens;
        const blockTokens = toBlockTokens(task.promptTokens) - task.evaluatedTokens;
        const inBlocks = blockTokens > 0;
        const runTokens = inBlocks ? blockTokens : prefillTokens;
        return { index: task.slot, prefillTokens, runTokens, inBlocks, priority: 0 };
      }),
      defaultStepBudget,
      512,
    );
    const decoders = actions.filter(({ prefillTokens }) => prefillTokens === 0).length;
    const promptTokens = actions.reduce((sum, { prefillTokens }) => sum + prefillTokens, 0);
    const { costs, speed, jitter } = this.#options;
    const decodeMs = decoders > 0 ? costs.decodeBaseMs + decoders * costs.decoderMs : 0;
    const ms = ((decodeMs + promptTokens * costs.promptTokenMs) / speed) * jitter();
    const end = () =>
      actions.flatMap(({ index, prefillTokens, samples }) => {
        const task = begun.find(({ slot }) => slot === index);
        if (!task) return [];
        task.evaluatedTokens += prefillTokens;
        if (samples) task.producedTokens++;
        const cache = this.#slots[task.slot];
        if (cache) cache.tokens = task.evaluatedTokens + Math.max(0, task.producedTokens - 1);
        return samples ? [task] : [];
      });
    return { ms, end };
  }

  finish(task: SimulatedTask): void {
    this.tasks.splice(this.tasks.indexOf(task), 1);
  }

  held(): HeldPrefix[] {
    const slots = [...this.#slots].sort((a, b) => b.lastUse - a.lastUse);
    return collectMarks(
      [...slots, ...this.#disk.toReversed()].map(({ marks, tokens }) => marksWithin(marks, tokens)),
    );
  }

  /** Another one is evaluating what both have: it is waited for. */
  #isFollowing(task: SimulatedTask): boolean {
    const own = this.#commonIn(task.slot, task.prompt);
    return this.tasks.some((other) => {
      if (other === task || other.reusedTokens === undefined) return false;
      const shared = common({ segments: other.prompt, tokens: other.promptTokens }, task.prompt);
      return shared > this.#commonIn(other.slot, task.prompt) && shared >= own + worthwhileTokens;
    });
  }

  #begin(task: SimulatedTask): void {
    const cache = this.#slots[task.slot];
    if (!cache) return;
    const own = common(cache, task.prompt);
    const inSlots = Math.max(...this.#slots.map((other) => common(other, task.prompt)));
    const saved = this.#disk.find((entry) => common(entry, task.prompt) >= inSlots + worthwhileTokens);
    if (cache.tokens - own >= worthSavingTokens) this.#save({ ...cache });
    const best = Math.max(inSlots, saved ? common(saved, task.prompt) : 0);
    if (saved) this.#disk = [...this.#disk.filter((entry) => entry !== saved), saved];
    const cached = best >= own + worthwhileTokens ? best : own;
    const isInBlocks = cached < toBlockTokens(task.promptTokens);
    const reused = isInBlocks ? Math.floor(cached / attentionBlockTokens) * attentionBlockTokens : cached;
    cache.segments = [...task.prompt, task.answer];
    cache.tokens = reused;
    cache.marks = task.marks;
    cache.lastUse = ++this.#uses;
    task.reusedTokens = reused;
    task.evaluatedTokens = reused;
  }

  #save({ segments, tokens, marks }: Cache): void {
    const isSame = (entry: Cache) => entry.tokens === tokens && entry.segments.at(-1) === segments.at(-1);
    this.#disk = [
      ...this.#disk.filter((entry) => !isSame(entry)),
      { segments, tokens, marks: marksWithin(marks, tokens) },
    ];
    let total = this.#disk.reduce((sum, entry) => sum + entry.tokens, 0);
    while (total > this.#options.diskTokens) total -= this.#disk.shift()?.tokens ?? 0;
  }

  #commonIn(slot: number, prompt: readonly Segment[]): number {
    const cache = this.#slots[slot];
    return cache ? common(cache, prompt) : 0;
  }
}

/** Common tokens of a cache and a prompt, of which the last one always has to be evaluated. */
function common(
  { segments, tokens }: Pick<Cache, 'segments' | 'tokens'>,
  prompt: readonly Segment[],
): number {
  let shared = 0;
  let whole = 0;
  for (const [index, segment] of prompt.entries()) {
    const begin = whole;
    whole += segment.tokens + templateTokens;
    if (segments[index]?.id === segment.id && shared === begin) shared = whole;
  }
  return Math.min(shared, tokens, whole - 1);
}

function toBlockTokens(promptTokens: number): number {
  return countBlocks(promptTokens) * attentionBlockTokens;
}
