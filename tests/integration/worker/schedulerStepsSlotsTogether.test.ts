import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChatPrompt } from '../../../src/worker/chatPrompt.js';
import type { EngineSlot, LlamaEngine } from '../../../src/worker/llamaEngine.js';
import { createScheduler } from '../../../src/worker/scheduler.js';
import { generate, toRequest } from '../../support/generate.js';
import { startTinyEngine, type TinyEngine } from '../../support/tinyEngine.js';

type Call = { slot: number; kind: 'prefill' | 'sample'; tokens: number; tick: number };

/** Notes every call that the scheduler makes; calls of one step have the same tick. */
function watch(engine: LlamaEngine): { engine: LlamaEngine; calls: Call[] } {
  const calls: Call[] = [];
  let tick = 0;
  let isTickOpen = false;
  const note = (slot: number, kind: Call['kind'], tokens: number) => {
    if (!isTickOpen) {
      isTickOpen = true;
      tick++;
      setImmediate(() => (isTickOpen = false));
    }
    calls.push({ slot, kind, tokens, tick });
  };
  const slots = engine.slots.map((slot): EngineSlot => ({
    ...slot,
    prefill: (tokens) => {
      note(slot.index, 'prefill', tokens.length);
      return slot.prefill(tokens);
    },
    generate: (tokens, sampling) => {
      const iterator = slot.generate(tokens, sampling);
      const next = iterator.next.bind(iterator);
      iterator.next = () => {
        note(slot.index, 'sample', 1);
        return next();
      };
      return iterator;
    },
  }));
  return { engine: { ...engine, slots }, calls };
}

function stepsOf(calls: readonly Call[]): Call[][] {
  const ticks = [...new Set(calls.map(({ tick }) => tick))];
  return ticks.map((tick) => calls.filter((call) => call.tick === tick));
}

describe('the scheduler', () => {
  let tiny: TinyEngine;
  beforeAll(async () => {
    tiny = await startTinyEngine({ contextTokens: 2048, model: { endless: true } });
  });
  afterAll(() => tiny.close());

  it('steps all active slots in one go, in ascending order', async () => {
    const { engine, calls } = watch(tiny.engine);
    const scheduler = createScheduler({
      engine,
      prompt: createChatPrompt(engine),
      budget: { besideDecodersTokens: 64, aloneTokens: 512 },
    });
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((content) => generate(scheduler, toRequest(content, { maxTokens: 20 }))),
    );
    const slotsOfSteps = stepsOf(calls).map((step) => step.map(({ slot }) => slot));
    expect(slotsOfSteps.filter((slots) => slots.length === 4).length).toBeGreaterThanOrEqual(15);
    for (const slots of slotsOfSteps) expect(slots).toEqual([...slots].sort((a, b) => a - b));
  });

  it('feeds a long prompt in chunks between the tokens of the others', async () => {
    const { engine, calls } = watch(tiny.engine);
    const scheduler = createScheduler({
      engine,
      prompt: createChatPrompt(engine),
      budget: { besideDecodersTokens: 32, aloneTokens: 512 },
    });
    const decoder = generate(scheduler, toRequest('short', { maxTokens: 60 }));
    const long = generate(scheduler, toRequest('y'.repeat(700), { maxTokens: 2 }));
    await Promise.all([decoder, long]);
    const beside = stepsOf(calls).filter(
      (step) => step.some(({ kind }) => kind === 'prefill') && step.some(({ kind }) => kind === 'sample'),
    );
    expect(beside.length).toBeGreaterThan(10);
    const chunks = beside.flat().filter(({ kind }) => kind === 'prefill');
    expect(Math.max(...chunks.map(({ tokens }) => tokens))).toBe(32);
  });
});
