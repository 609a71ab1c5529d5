import type { FinishReason, OutputDelta, SampledLogprob } from '../../src/protocol/generation.js';
import type { Script } from './fakeWorker.js';
import { tokenIdOf } from './workerScripts.js';

export interface OutputStep {
  readonly deltas?: readonly OutputDelta[];
  /** As many as the step has tokens; one token without. */
  readonly logprobs?: readonly SampledLogprob[];
}

export interface OutputOptions {
  readonly finishReason?: FinishReason;
  /** What comes only with `done`. */
  readonly heldBack?: readonly OutputDelta[];
  readonly reasoningTokens?: number;
  /** Instead of `done`. */
  readonly fault?: Script;
}

export const text = (delta: string): OutputDelta => ({ type: 'text', delta });
export const reasoning = (delta: string): OutputDelta => ({ type: 'reasoning', delta });
/** The first delta of a call has its name. */
export const call = (index: number, delta: string, name?: string): OutputDelta => ({
  type: 'toolCall',
  index,
  delta,
  ...(name === undefined ? {} : { name }),
});

/** Says these steps, one event each, whatever the request resumes. */
export function output(
  steps: readonly (OutputStep | OutputDelta)[],
  { finishReason = 'stop', heldBack = [], reasoningTokens = 0, fault }: OutputOptions = {},
): Script {
  return async (worker) => {
    await worker.send({ type: 'accepted', promptTokens: 7, cachedTokens: 2 });
    for (const [index, step] of steps.entries()) {
      const { deltas = [], logprobs } = 'type' in step ? { deltas: [step] } : step;
      const tokens = logprobs?.length ?? 1;
      await worker.send({
        type: 'output',
        choice: 0,
        tokenIds: Array.from({ length: tokens }, () => tokenIdOf(index)),
        deltas: [...deltas],
        ...(logprobs ? { logprobs: [...logprobs] } : {}),
      });
    }
    if (fault) return fault(worker);
    await worker.send({
      type: 'done',
      deltas: [...heldBack],
      finishReason,
      usage: { promptTokens: 7, completionTokens: steps.length, reasoningTokens, cachedTokens: 2 },
      timings: { prefillMs: 1, decodeMs: 1 },
    });
  };
}
