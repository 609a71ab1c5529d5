import type { LlamaEngine } from '../engine/engine.js';
import { defaultStepBudget, type StepBudget } from './stepPlan.js';

const chunkSizes = [16, 32, 64, 128, 256];
/** The next larger chunk has to be so much faster to be worth the longer wait of the others. */
const worthwhileGain = 1.1;
/** A large model on few cores would keep its worker from starting. */
const longestMeasurementMs = 500;

/**
 * The smallest prompt chunk beyond which a larger one hardly speeds the prompt up: decoders wait as short as possible
 * for prompts that hardly get slower. Measured in an empty slot, which is empty again afterwards; where time runs out
 * the largest chunk measured so far.
 */
export async function measureStepBudget(engine: LlamaEngine): Promise<StepBudget> {
  const startedAt = performance.now();
  let best: { size: number; rate: number } | undefined;
  // The first batch reads the weights from the disk.
  await evaluate(engine, 1);
  for (const size of chunkSizes) {
    if (size > Math.min(engine.contextTokens, engine.batchTokens)) break;
    const expectedMs = best ? (size / best.rate) * 1_000 : 0;
    if (performance.now() - startedAt + expectedMs > longestMeasurementMs) break;
    const rate = size / ((await evaluate(engine, size)) / 1_000);
    if (best && rate < best.rate * worthwhileGain) break;
    best = { size, rate };
  }
  return { ...defaultStepBudget, ...(best ? { besideDecodersTokens: best.size } : {}) };
}

/** Milliseconds of a prompt of `count` tokens. */
async function evaluate(engine: LlamaEngine, count: number): Promise<number> {
  const tokens = Array.from({ length: count }, (_, index) => index % engine.vocabularySize);
  const startedAt = performance.now();
  await engine.step([{ slot: 0, tokens }]);
  engine.truncate(0, 0);
  return performance.now() - startedAt;
}
