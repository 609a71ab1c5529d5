import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LlamaEngine, StepEntry } from '../../../src/worker/engine/engine.js';
import { generate, toRequest } from '../../support/generate.js';
import { startTinyEngine, type TinyEngine } from '../../support/tinyEngine.js';
import { toScheduler } from '../../support/tinyScheduler.js';

/** Notes every step that the scheduler makes. */
function watch(engine: LlamaEngine): { engine: LlamaEngine; steps: (readonly StepEntry[])[] } {
  const steps: (readonly StepEntry[])[] = [];
  const step: LlamaEngine['step'] = (entries) => {
    steps.push(entries);
    return engine.step(entries);
  };
  return { engine: { ...engine, step }, steps };
}

const isChunk = ({ tokens }: StepEntry) => tokens.length > 1;

describe('the scheduler', () => {
  let tiny: TinyEngine;
  beforeAll(async () => {
    tiny = await startTinyEngine({ contextTokens: 2048, model: { endless: true } });
  });
  afterAll(() => tiny.close());

  it('steps all active slots in one batch, in ascending order', async () => {
    const { engine, steps } = watch(tiny.engine);
    const scheduler = toScheduler(engine);
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((content) => generate(scheduler, toRequest(content, { maxTokens: 20 }))),
    );
    const slotsOfSteps = steps.map((step) => step.map(({ slot }) => slot));
    expect(slotsOfSteps.filter((slots) => slots.length === 4).length).toBeGreaterThanOrEqual(15);
    for (const slots of slotsOfSteps) expect(slots).toEqual([...slots].sort((a, b) => a - b));
  });

  it('feeds a long prompt in chunks between the tokens of the others', async () => {
    const { engine, steps } = watch(tiny.engine);
    const slow = { ...engine, usesBlocks: false };
    const scheduler = toScheduler(slow, { budget: { besideDecodersTokens: 32, aloneTokens: 512 } });
    const decoder = generate(scheduler, toRequest('short', { maxTokens: 60 }));
    const long = generate(scheduler, toRequest('y'.repeat(700), { maxTokens: 2 }));
    await Promise.all([decoder, long]);
    const beside = steps.filter((step) => step.some(isChunk) && !step.every(isChunk));
    expect(beside.length).toBeGreaterThan(5);
    const chunks = beside.flat().filter(isChunk);
    expect(Math.max(...chunks.map(({ tokens }) => tokens.length))).toBe(32);
  });
});
