import { setTimeout as delay } from 'node:timers/promises';
import {
  statusOfFailure,
  type FinishReason,
  type GenerationFailure,
  type OutputDelta,
} from '../../src/protocol/generation.js';
import type { Script, WorkerCall } from './fakeWorker.js';
import type { TokenGate } from './tokenGate.js';

/** The id of the token at this place of an answer, the same on all fake workers. */
export function tokenIdOf(index: number): number {
  return 1000 + index;
}

export interface AnswerOptions {
  /** Each token waits for a pass. */
  readonly gate?: TokenGate;
  /** So many tokens come without a pass. */
  readonly tokensBeforeGate?: number;
  /** Steady rate from the first token on; the first one comes at once. */
  readonly tokensPerSecond?: number;
  readonly finishReason?: FinishReason;
  readonly stopText?: string;
  /** Text that comes only with `done`. */
  readonly heldBack?: string;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  /** Called before the token at `fault.afterTokens` would be sent, which ends the answer. */
  readonly fault?: { readonly afterTokens: number; readonly run: Script };
}

/**
 * Answers with these tokens, one event each; an empty one is a token without text. A request with `resumeTokens` goes
 * on behind them and is refused if they are not the beginning of this answer.
 */
export function answer(tokens: readonly (string | OutputDelta)[], options: AnswerOptions = {}): Script {
  const { gate, tokensBeforeGate = 0, tokensPerSecond, fault, promptTokens = 7, cachedTokens = 0 } = options;

  return async (call) => {
    const { resumeTokens, maxTokens } = call.request;
    const isResumable = resumeTokens.every((id, index) => index < tokens.length && id === tokenIdOf(index));
    if (!isResumable) return call.refuse(400, failure('invalid_request', { retryable: false }));

    await call.send({ type: 'accepted', promptTokens, cachedTokens });
    const length = Math.min(tokens.length, maxTokens ?? Infinity);
    const startedAt = performance.now();
    for (let index = resumeTokens.length; index < length; index++) {
      if (fault?.afterTokens === index) return fault.run(call);
      if (index >= tokensBeforeGate) await gate?.pass(call.signal);
      if (tokensPerSecond !== undefined) {
        const dueMs = ((index - resumeTokens.length) * 1000) / tokensPerSecond;
        const waitMs = startedAt + dueMs - performance.now();
        if (waitMs > 0) await delay(waitMs);
      }
      if (call.signal.aborted) return;
      await call.send({
        type: 'output',
        choice: 0,
        tokenIds: [tokenIdOf(index)],
        deltas: toDeltas(tokens[index]),
      });
    }
    if (fault && fault.afterTokens >= length) return fault.run(call);
    await call.send({
      type: 'done',
      deltas: toDeltas(options.heldBack),
      finishReason: options.finishReason ?? (length < tokens.length ? 'length' : 'stop'),
      ...(options.stopText === undefined ? {} : { stopText: options.stopText }),
      usage: { promptTokens, completionTokens: length, reasoningTokens: 0, cachedTokens },
      timings: { prefillMs: 1, decodeMs: 1 },
    });
  };
}

function toDeltas(text: string | OutputDelta | undefined): OutputDelta[] {
  if (typeof text === 'object') return [text];
  return text ? [{ type: 'text', delta: text }] : [];
}

/** Refuses as the worker does. */
export function refuse(code: GenerationFailure['code'], options: { retryable: boolean }): Script {
  return (call) => call.refuse(statusOfFailure[code], failure(code, options));
}

function failure(code: GenerationFailure['code'], { retryable }: { retryable: boolean }): GenerationFailure {
  return { code, message: `scripted: ${code}`, retryable };
}

/** Ends the connection with a TCP reset before anything is answered. */
export const resetAtOnce: Script = (call) => call.reset();

/** Sends status and headers, then a TCP reset. */
export const resetAfterHeaders: Script = (call) => {
  call.sendHeaders();
  setImmediate(() => call.reset());
};

/** Takes the request and never says a word. */
export const stall: Script = untilLeft;

/** A line that is no event of the protocol. */
export function sendGarbage(line: string): Script {
  return async (call) => {
    await call.sendLine(line);
    await untilLeft(call);
  };
}

function untilLeft({ signal }: WorkerCall): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
