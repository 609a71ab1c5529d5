import { Readable } from 'node:stream';
import type { GenerationEvent, GenerationFailure, SampledLogprob } from '../../protocol/generation.js';
import type { GenerateRequest } from '../../protocol/generateRequest.js';
import type { EngineSampler, LlamaEngine, StepEntry, StepResult } from '../engine/engine.js';
import type { OutputStream } from './outputStream.js';
import { PromptBlocks } from './promptBlocks.js';
import { marksWithin, toPrefixMarks, type PrefixMarks } from '../scheduler/prefixMarks.js';
import type { SequenceView, StepAction } from './sequenceView.js';

/** Between two events of a stream, while it lives. */
const progressIntervalMs = 1_000;
/** A grammar that takes so long for one token holds up every other stream. */
const longestSampleMs = 1_000;

/** A request that was found to be possible, with what its generation needs. */
export interface PreparedGeneration {
  readonly request: GenerateRequest;
  /** Without the resumed tokens, which follow it. */
  readonly promptTokens: readonly number[];
  readonly sampler: EngineSampler;
  readonly output: OutputStream;
}

/** One request in its slot, from the claim to the last event. The scheduler drives it, one step at a time. */
export interface GenerationTask {
  readonly request: GenerateRequest;
  /** Prompt and resumed tokens. */
  readonly sequence: readonly number[];
  readonly promptTokens: number;
  readonly blocks: PromptBlocks;
  /** Names of the prompt's prefixes, for reports of what the slot's cache holds. */
  readonly prefixMarks: PrefixMarks;
  readonly slot: number;
  /** The first tokens were put into the cache or sampled. */
  readonly hasBegun: boolean;
  readonly isFinished: boolean;
  /** Tokens that may still be sampled. */
  readonly tokensLeft: number;
  readonly events: Readable;
  /** The slot's cache holds the first `reusedTokens` of the sequence and nothing else: evaluation begins behind them. */
  begin(reusedTokens: number, wholeBlocks: ReadonlySet<number>): void;
  moveTo(slot: number): void;
  view(): SequenceView;
  toEntry(action: StepAction): StepEntry;
  take(result: StepResult): void;
  /** Ends the stream without a last event: nobody is listening any more. */
  cancel(): void;
  /** Gives back the sampler of a finished task, when no step is using it any more. */
  release(): void;
  fail(failure: GenerationFailure): void;
  /** Emits `progress` if nothing else was emitted for a second. */
  reportProgress(): void;
}

export function createGenerationTask(
  prepared: PreparedGeneration,
  claimedSlot: number,
  /** Tokens that are likely not to have to be evaluated; `done` says how many it were. */
  expectedReuse: number,
  engine: Pick<LlamaEngine, 'contextTokens' | 'detokenize' | 'usesBlocks'>,
): GenerationTask {
  const { request, promptTokens, sampler, output } = prepared;
  const { resumeTokens } = request;
  const sequence = [...promptTokens, ...resumeTokens];
  const prefixMarks = toPrefixMarks(request.prefixChain, promptTokens.length);
  const blocks = new PromptBlocks(promptTokens.length, {
    usesBlocks: engine.usesBlocks,
    ...(resumeTokens.length > 0 ? { given: request.splitBlocks ?? [] } : {}),
  });
  const maxTokens = Math.min(request.maxTokens ?? Infinity, engine.contextTokens - promptTokens.length);
  const echo = request.kind === 'text' && request.echo && resumeTokens.length === 0;
  const ratesPrompt = echo && request.topLogprobs !== null;

  // Not bounded by the reader: a stream holds at most as many events as the context has tokens.
  const events = new Readable({ objectMode: true, read: () => undefined });
  const promptRatings: SampledLogprob[] = [];
  const startedAt = performance.now();
  let slot = claimedSlot;
  let reusedTokens: number | undefined;
  let evaluatedTokens = 0;
  let lastToken: number | undefined;
  let completionTokens = resumeTokens.length;
  let isFinished = false;
  let lastEventAt = startedAt;
  let firstTokenAt: number | undefined;
  let deadline: NodeJS.Timeout | undefined;

  function emit(event: GenerationEvent): void {
    lastEventAt = performance.now();
    events.push(event);
  }

  function end(last?: GenerationEvent): void {
    if (isFinished) return;
    isFinished = true;
    clearTimeout(deadline);
    if (last) emit(last);
    events.push(null);
  }

  function finish(reason: 'stop' | 'length', deltas = output.flush()): void {
    const now = performance.now();
    end({
      type: 'done',
      deltas: [...deltas],
      finishReason: reason === 'stop' && output.hasToolCalls ? 'tool_calls' : reason,
      ...(reason === 'stop' && output.stopText !== undefined ? { stopText: output.stopText } : {}),
      usage: {
        promptTokens: promptTokens.length,
        completionTokens,
        reasoningTokens: output.reasoningTokens,
        cachedTokens: cachedTokens(),
      },
      ...(request.prefixChain ? { cachedPrefix: [...marksWithin(prefixMarks, evaluatedTokens)] } : {}),
      timings: {
        prefillMs: (firstTokenAt ?? now) - startedAt,
        decodeMs: firstTokenAt ? now - firstTokenAt : 0,
      },
    });
  }

  /** Of the prompt; the rest of what was reused is resumed tokens. */
  function cachedTokens(): number {
    return Math.min(reusedTokens ?? 0, promptTokens.length);
  }

  function fail(failure: GenerationFailure): void {
    end({ type: 'error', ...failure });
  }

  /** Brings output, grammar and penalties to where they were in the stream that is resumed. */
  function replay(): void {
    for (const token of resumeTokens) {
      sampler.accept(token);
      if (output.push(token).stopped) return finish('stop', []);
    }
    // The echo of a prompt is due even where nothing is to be generated.
    if (completionTokens >= maxTokens && !echo) finish('length');
  }

  function accept(token: number, logprob: SampledLogprob | undefined): void {
    completionTokens++;
    lastToken = token;
    const { deltas, stopped } = output.push(token);
    emit({
      type: 'output',
      choice: request.choice,
      tokenIds: [token],
      deltas: [...deltas],
      ...(logprob ? { logprobs: [logprob] } : {}),
      ...(completionTokens === resumeTokens.length + 1 && blocks.split.length > 0
        ? { splitBlocks: blocks.split }
        : {}),
    });
    if (stopped) finish('stop', []);
    else if (completionTokens >= maxTokens) finish('length');
  }

  function emitEcho(): void {
    emit({
      type: 'echo',
      text: engine.detokenize(promptTokens, []),
      ...(ratesPrompt ? { logprobs: [null, ...promptRatings] } : {}),
    });
  }

  const expectedTokens = Math.min(expectedReuse, promptTokens.length);
  emit({ type: 'accepted', promptTokens: promptTokens.length, cachedTokens: expectedTokens });
  if (request.deadlineMs !== null) {
    const message = `The request was not done after ${request.deadlineMs} ms.`;
    deadline = setTimeout(
      () => fail({ code: 'deadline_exceeded', message, retryable: false }),
      request.deadlineMs,
    );
  }
  try {
    replay();
  } catch (error) {
    const message = `The resumed tokens do not fit the request: ${String(error)}`;
    fail({ code: 'invalid_request', message, retryable: false });
  }

  return {
    request,
    sequence,
    promptTokens: promptTokens.length,
    blocks,
    prefixMarks,
    get slot() {
      return slot;
    },
    get hasBegun() {
      return reusedTokens !== undefined;
    },
    get isFinished() {
      return isFinished;
    },
    get tokensLeft() {
      return maxTokens - completionTokens;
    },
    events,
    begin(reused, wholeBlocks) {
      blocks.reuse(reused, wholeBlocks);
      reusedTokens = reused;
      evaluatedTokens = reused;
    },
    moveTo: (target) => (slot = target),
    view: () => {
      const prefillTokens = sequence.length - evaluatedTokens;
      const { tokens, inBlocks } = blocks.runFrom(evaluatedTokens);
      const { priority } = request.principal;
      return { index: slot, prefillTokens, runTokens: Math.min(tokens, prefillTokens), inBlocks, priority };
    },
    toEntry({ prefillTokens, samples }) {
      const isDecoding = prefillTokens === 0;
      const start = evaluatedTokens;
      const tokens = isDecoding ? [lastToken ?? 0] : sequence.slice(start, start + prefillTokens);
      evaluatedTokens += prefillTokens;
      const targets = sequence.slice(start + 1, evaluatedTokens + 1);
      return {
        slot,
        tokens,
        ...(samples ? { sampler } : {}),
        ...(ratesPrompt && !isDecoding ? { rate: { targets, top: request.topLogprobs ?? 0 } } : {}),
      };
    },
    take(result) {
      if (isFinished) return;
      if (result.kind === 'failed')
        return fail({ code: 'engine_failed', message: result.error.message, retryable: true });
      promptRatings.push(...result.ratings);
      if (result.kind === 'cached') return;
      if (firstTokenAt === undefined) {
        firstTokenAt = performance.now();
        if (echo) emitEcho();
      }
      if (maxTokens === 0) finish('length');
      else if (result.isEnd) finish('stop');
      else if (result.sampleMs > longestSampleMs) failSlowGrammar(result.sampleMs);
      else accept(result.token, result.logprob);
    },
    cancel: () => end(),
    release: () => sampler.dispose(),
    fail,
    reportProgress: () => {
      if (isFinished || performance.now() - lastEventAt < progressIntervalMs) return;
      const isDecoding = firstTokenAt !== undefined;
      const tokensDone = isDecoding ? completionTokens : evaluatedTokens;
      emit({ type: 'progress', phase: isDecoding ? 'decode' : 'prefill', tokensDone });
    },
  };

  function failSlowGrammar(sampleMs: number): void {
    const message = `The schema is too expensive to follow: choosing one token took ${Math.round(sampleMs)} ms.`;
    fail({ code: 'unsupported_schema', message, retryable: false });
  }
}
