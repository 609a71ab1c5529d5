import type { LlamaEngine } from '../engine/engine.js';
import { defaultStepBudget, type StepBudget } from './stepPlan.js';

/** Below 64 tokens llama.cpp's attention reads a long cache once for each token, so that prompts slow down with length. */
const chunkSizes = [64, 128, 256];
/** For models whose blocks would take too long. */
const smallChunkSizes = [16, 32];
/** Each size counts with its best time: whatever else runs can only make it slower. */
const rounds = 2;
/** A smaller chunk than the fastest is taken if it loses less than this: the others wait so much shorter. */
const worthwhileShare = 0.9;
/** Loading a model should not take notice. */
const longestMeasurementMs = 300;
/** What decoders, cancellations and the next request wait for. */
const longestStepMs = 500;

/**
 * The smallest prompt chunk that is nearly as fast as the fastest: decoders wait as short as possible for prompts that
 * hardly get slower. Where nothing decodes, as much as can be evaluated in half a second. Measured in an empty slot,
 * which is empty again afterwards; where time runs out, of the sizes measured so far.
 */
export async function measureStepBudget(engine: LlamaEngine): Promise<StepBudget> {
  const startedAt = performance.now();
  const largest = Math.min(engine.contextTokens, engine.batchTokens);
  const bestMs = new Map<number, number>();
  // The first batch reads the weights from the disk.
  await evaluate(engine, 1);
  const probeTokens = Math.min(largest, 16);
  const msPerToken = (await evaluate(engine, probeTokens)) / probeTokens;
  const sizes = engine.usesBlocks ? chunkSizes : smallChunkSizes;
  for (let round = 0; round < rounds; round++) {
    for (const size of sizes.filter((candidate) => candidate <= largest)) {
      const expectedMs = bestMs.get(size) ?? size * msPerToken;
      if (bestMs.size > 0 && performance.now() - startedAt + expectedMs > longestMeasurementMs) break;
      const ms = await evaluate(engine, size);
      bestMs.set(size, Math.min(ms, bestMs.get(size) ?? ms));
    }
  }
  return chooseStepBudget(bestMs, largest);
}

/** From the milliseconds that each chunk size took, smallest first; the default where none was measured. */
export function chooseStepBudget(msOfSize: ReadonlyMap<number, number>, largest: number): StepBudget {
  const rates = [...msOfSize].map(([size, ms]) => ({ size, tokensPerMs: size / ms }));
  const fastest = Math.max(...rates.map(({ tokensPerMs }) => tokensPerMs));
  const chosen = rates.find(({ tokensPerMs }) => tokensPerMs >= fastest * worthwhileShare);
  if (!chosen) return defaultStepBudget;
  const besideDecodersTokens = chosen.size;
  const inLongestStep = Math.floor((fastest * longestStepMs) / besideDecodersTokens) * besideDecodersTokens;
  return {
    besideDecodersTokens,
    aloneTokens: Math.max(besideDecodersTokens, Math.min(largest, inLongestStep)),
  };
}

/**
 * Milliseconds of a prompt of `count` tokens.
 *
 * @throws where the model cannot evaluate it: it could not generate either.
 */
async function evaluate(engine: LlamaEngine, count: number): Promise<number> {
  const tokens = Array.from({ length: count }, (_, index) => index % engine.vocabularySize);
  const startedAt = performance.now();
  const [result] = await engine.step([{ slot: 0, tokens }]);
  const ms = performance.now() - startedAt;
  engine.truncate(0, 0);
  if (result?.kind === 'failed') throw result.error;
  return ms;
}
