import { setImmediate as nextTick } from 'node:timers/promises';
import {
  encodeVector,
  type EmbedRequest,
  type EmbedResponse,
  type RankRequest,
  type RankResponse,
} from '../../protocol/embedding.js';
import type { ModelReport } from '../../protocol/workerApi.js';
import { describeWrongKind } from '../modelKind.js';
import type { PoolingEngine } from '../engine/poolingEngine.js';
import { RefusedError, refusingInput } from '../refusedError.js';
import { requireKnownTokens } from '../requireKnownTokens.js';

/** Embeds and ranks with one model: the inputs of a request one after another, those of several requests in turns. */
export interface PoolingService {
  /**
   * Checks all inputs before it computes the first. `signal` ends the work before the next input.
   *
   * @throws RefusedError where an input does not fit or all slots are busy; the signal's reason when aborted.
   */
  embed(request: EmbedRequest, signal: AbortSignal): Promise<EmbedResponse>;
  rank(request: RankRequest, signal: AbortSignal): Promise<RankResponse>;
  report(): ModelReport;
  /** Resolves when no request is running. */
  whenIdle(): Promise<void>;
}

/** Tokenizing does not leave the event loop: others get in so often. */
const longestTokenizingMs = 10;

/** `slots`: requests that run at the same time; any more are refused, because queues are the controller's. */
export function createPoolingService(engine: PoolingEngine, slots: number): PoolingService {
  const running = new Set<Promise<unknown>>();

  function run<T>(work: () => Promise<T>): Promise<T> {
    if (running.size >= slots) throw new RefusedError('no_free_slot', 'All slots are busy.', true);
    const result = work();
    const settled: Promise<unknown> = result
      .catch(() => undefined)
      .finally(() => {
        running.delete(settled);
      });
    running.add(settled);
    return result;
  }

  async function toTokens<T>(
    inputs: readonly T[],
    convert: (input: T) => number[],
    nameOf: (index: number) => string,
    signal: AbortSignal,
  ): Promise<number[][]> {
    const all: number[][] = [];
    let pausedAt = performance.now();
    for (const [index, input] of inputs.entries()) {
      all.push(
        refusingInput(index, () => {
          const tokens = convert(input);
          checkLength(tokens.length, nameOf(index), engine);
          return tokens;
        }),
      );
      if (performance.now() - pausedAt < longestTokenizingMs) continue;
      await nextTick();
      signal.throwIfAborted();
      pausedAt = performance.now();
    }
    return all;
  }

  async function computeAll<T>(
    inputs: readonly number[][],
    compute: (tokens: number[]) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T[]> {
    const results: T[] = [];
    for (const tokens of inputs) {
      signal.throwIfAborted();
      results.push(await compute(tokens));
    }
    return results;
  }

  async function embed({ inputs, dimensions }: EmbedRequest, signal: AbortSignal): Promise<EmbedResponse> {
    checkDimensions(dimensions, engine);
    const toInput = (input: string | number[]) =>
      typeof input === 'string' ? engine.toInput(input) : requireKnownTokens(input, engine.vocabularySize);
    const nameOf = (index: number) => (inputs.length === 1 ? 'the input' : `input ${index}`);
    const tokens = await toTokens(inputs, toInput, nameOf, signal);
    const embeddings = await computeAll(
      tokens,
      async (input) => encodeVector(toUnitVector(await engine.embed(input), dimensions)),
      signal,
    );
    return { embeddings, promptTokens: countTokens(tokens) };
  }

  async function rank({ query, documents }: RankRequest, signal: AbortSignal): Promise<RankResponse> {
    const toPair = (document: string) => engine.toPair(query, document);
    const nameOf = (index: number) => `the query with document ${index}`;
    const tokens = await toTokens(documents, toPair, nameOf, signal);
    const scores = await computeAll(tokens, engine.rank, signal);
    return { scores, promptTokens: countTokens(tokens) };
  }

  function checkKind(wanted: PoolingEngine['kind']): void {
    if (engine.kind === wanted) return;
    throw new RefusedError('invalid_request', describeWrongKind(engine.modelId, engine.kind, wanted));
  }

  return {
    embed: async (request, signal) => {
      checkKind('embedding');
      return run(() => embed(request, signal));
    },
    rank: async (request, signal) => {
      checkKind('ranking');
      return run(() => rank(request, signal));
    },
    report: () => ({
      id: engine.modelId,
      kind: engine.kind,
      slotsTotal: slots,
      slotsBusy: running.size,
      contextTokens: engine.contextTokens,
      loadSeconds: engine.loadSeconds,
      memoryBytes: engine.memoryBytes,
      sizeBytes: engine.sizeBytes,
      layers: engine.layers,
      fingerprint: engine.fingerprint,
    }),
    whenIdle: async () => {
      await Promise.all(running);
    },
  };
}

function checkDimensions(dimensions: number | null, { dimensions: most, modelId }: PoolingEngine): void {
  if (dimensions === null || dimensions <= most) return;
  throw new RefusedError(
    'invalid_dimensions',
    `The model '${modelId}' makes embeddings of ${most} dimensions: ${dimensions} are too many.`,
  );
}

function checkLength(tokens: number, name: string, { contextTokens }: PoolingEngine): void {
  if (tokens === 0) throw new RefusedError('invalid_request', `${capitalize(name)} is empty.`);
  if (tokens <= contextTokens) return;
  throw new RefusedError(
    'context_length_exceeded',
    `This model's maximum context length is ${contextTokens} tokens, but ${name} has ${tokens} tokens. Shorten it.`,
  );
}

function toUnitVector(vector: Float64Array, dimensions: number | null): number[] {
  const kept = Array.from(dimensions === null ? vector : vector.subarray(0, dimensions));
  const length = Math.sqrt(kept.reduce((sum, value) => sum + value * value, 0));
  if (!Number.isFinite(length)) throw new Error('the model made a vector with numbers that are none');
  return length > 0 ? kept.map((value) => value / length) : kept;
}

function countTokens(inputs: readonly number[][]): number {
  return inputs.reduce((sum, tokens) => sum + tokens.length, 0);
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
