import { Readable } from 'node:stream';
import type { FinishReason, GenerateRequest, GenerationEvent } from '../protocol/generation.js';
import type { EngineSlot, LlamaEngine } from './llamaEngine.js';
import type { SequenceView, StepAction } from './stepPlan.js';
import { createTextStream } from './textStream.js';

/** Between two events of a stream, while it lives. */
const progressIntervalMs = 1_000;

export interface GenerationTaskOptions {
  readonly request: GenerateRequest;
  /** Without the resumed tokens, which follow it. */
  readonly promptTokens: readonly number[];
  readonly slot: EngineSlot;
  /** Leading tokens that the slot's cache already holds. */
  readonly reusedTokens: number;
  readonly engine: Pick<LlamaEngine, 'contextTokens' | 'detokenize'>;
  /** The slot's cache holds nothing but this request's tokens from now on. */
  readonly onCacheTaken: () => void;
}

/** One request in its slot, from the claim to the last event. The scheduler calls {@link step}, one at a time. */
export interface GenerationTask {
  readonly slot: EngineSlot;
  readonly events: Readable;
  readonly isFinished: boolean;
  view(): SequenceView;
  step(action: StepAction): Promise<void>;
  /** Ends the stream without a last event: nobody is listening any more. */
  cancel(): void;
  fail(error: unknown): void;
  /** Emits `progress` if nothing else was emitted for a second. */
  reportProgress(): void;
}

export function createGenerationTask(options: GenerationTaskOptions): GenerationTask {
  const { request, slot, engine } = options;
  const { resumeTokens } = request;
  const sequence = [...options.promptTokens, ...resumeTokens];
  // The engine needs one cell of the context for the token behind the last one.
  const room = engine.contextTokens - 1 - options.promptTokens.length;
  const maxTokens = Math.min(request.maxTokens ?? Infinity, room);

  // Not bounded by the reader: a stream holds at most as many events as the context has tokens.
  const events = new Readable({ objectMode: true, read: () => undefined });
  const text = createTextStream(request.stop, (tokens, preceding) => engine.detokenize(tokens, preceding));

  let cachedTokens = options.reusedTokens;
  let completionTokens = resumeTokens.length;
  let tokens: AsyncGenerator<number, void, undefined> | undefined;
  let isFinished = false;
  let lastEventAt = performance.now();
  const startedAt = performance.now();
  let firstTokenAt: number | undefined;

  function emit(event: GenerationEvent): void {
    lastEventAt = performance.now();
    events.push(event);
  }

  function end(last?: GenerationEvent): void {
    if (isFinished) return;
    isFinished = true;
    if (last) emit(last);
    events.push(null);
  }

  function finish(finishReason: FinishReason, delta: string): void {
    const now = performance.now();
    end({
      type: 'done',
      delta,
      finishReason,
      usage: {
        promptTokens: options.promptTokens.length,
        completionTokens,
        cachedTokens: Math.min(options.reusedTokens, options.promptTokens.length),
      },
      timings: {
        prefillMs: (firstTokenAt ?? now) - startedAt,
        decodeMs: firstTokenAt ? now - firstTokenAt : 0,
      },
    });
  }

  function accept(token: number): void {
    completionTokens++;
    const { delta, stopped } = text.push(token);
    emit({ type: 'text', choice: 0, tokenIds: [token], delta });
    if (stopped) finish('stop', '');
    else if (completionTokens >= maxTokens) finish('length', text.flush());
  }

  /** Brings the text stream to where the stream was that is resumed; only its last event may be missing. */
  function replay(): void {
    for (const token of resumeTokens) {
      if (text.push(token).stopped) return finish('stop', '');
    }
    if (completionTokens >= maxTokens) finish('length', text.flush());
  }

  async function sampleNext(): Promise<void> {
    const next = await tokens?.next();
    firstTokenAt ??= performance.now();
    if (isFinished) return;
    if (next && !next.done) accept(next.value);
    else finish('stop', text.flush());
  }

  emit({
    type: 'accepted',
    promptTokens: options.promptTokens.length,
    cachedTokens: Math.min(options.reusedTokens, options.promptTokens.length),
  });
  replay();

  return {
    slot,
    events,
    get isFinished() {
      return isFinished;
    },
    view: () => ({ index: slot.index, prefillTokens: tokens ? 0 : sequence.length - cachedTokens }),
    async step(action) {
      if (isFinished) return;
      if (action.kind === 'prefill') {
        const chunk = sequence.slice(cachedTokens, cachedTokens + action.tokens);
        if (slot.cachedTokens().length > cachedTokens) await slot.truncate(cachedTokens);
        options.onCacheTaken();
        cachedTokens += chunk.length;
        if (!action.startsDecoding) return slot.prefill(chunk);
        tokens = slot.generate(chunk, request.sampling);
      }
      await sampleNext();
      if (isFinished) await tokens?.return();
    },
    cancel: () => {
      end();
      void tokens?.return();
    },
    fail: (error) => {
      const message = error instanceof Error ? error.message : String(error);
      end({ type: 'error', code: 'engine_failed', message, retryable: true });
    },
    reportProgress: () => {
      if (isFinished || performance.now() - lastEventAt < progressIntervalMs) return;
      const phase = tokens ? 'decode' : 'prefill';
      emit({ type: 'progress', phase, tokensDone: tokens ? completionTokens : cachedTokens });
    },
  };
}
