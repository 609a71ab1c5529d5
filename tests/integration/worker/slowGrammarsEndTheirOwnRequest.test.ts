import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StepResult } from '../../../src/worker/engine/engine.js';
import type { LlamaSampler } from '../../../src/worker/engine/llamaSampler.js';
import { generate, greedy, toTextRequest } from '../../support/generate.js';
import { startTinyEngine, type TinyEngine } from '../../support/tinyEngine.js';
import { toScheduler } from '../../support/tinyScheduler.js';

const slowMs = 5_000;

describe('a grammar that takes long for a token', () => {
  let tiny: TinyEngine;
  beforeAll(async () => {
    tiny = await startTinyEngine({ slots: 4, contextTokens: 256, model: { endless: true } });
  });
  afterAll(() => tiny.close());
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** A sampler that notes when it begins and ends; a slow one takes five seconds by the clock. */
  function createSampler(name: string, kind: 'free' | 'constrained' | 'slow', notes: string[]): LlamaSampler {
    const options = { sampling: greedy, ignoreEos: false, topLogprobs: null };
    const grammar = kind === 'free' ? undefined : 'root ::= [a-z ]+';
    const sampler = tiny.engine.createSampler({ ...options, grammar }) as LlamaSampler;
    return {
      ...sampler,
      sample: async (logitIndex) => {
        notes.push(`${name} begins`);
        const token = await sampler.sample(logitIndex);
        if (kind === 'slow') vi.advanceTimersByTime(slowMs);
        notes.push(`${name} ends`);
        return token;
      },
    };
  }

  const msOf = (result: StepResult | undefined) => (result?.kind === 'sampled' ? result.sampleMs : NaN);

  it('is asked behind all others, one at a time, and pays for itself alone', async () => {
    const notes: string[] = [];
    const kinds = { slow: 'slow', first: 'free', quick: 'constrained', second: 'free' } as const;
    const samplers = Object.entries(kinds).map(([name, kind]) => createSampler(name, kind, notes));
    const results = await tiny.engine.step(
      samplers.map((sampler, slot) => ({ slot, tokens: [7, 8], sampler })),
    );
    for (const sampler of samplers) sampler.dispose();
    for (const slot of samplers.keys()) tiny.engine.truncate(slot, 0);

    expect(results.map(msOf)).toEqual([slowMs, 0, 0, 0]);
    expect(notes.slice(0, 4).sort()).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
    expect(notes.slice(4)).toEqual(['slow begins', 'slow ends', 'quick begins', 'quick ends']);
  });

  it('ends its own request and no other', async () => {
    const { engine } = tiny;
    const createSlow: typeof engine.createSampler = (options) =>
      options.grammar === undefined ? engine.createSampler(options) : createSampler('slow', 'slow', []);
    const scheduler = toScheduler({ ...engine, createSampler: createSlow });
    const constraint = { type: 'json_object' } as const;
    const [slow, other] = await Promise.all([
      generate(scheduler, toTextRequest('An object:', { constraint, maxTokens: 8 })),
      generate(scheduler, toTextRequest('A text:', { maxTokens: 8 })),
    ]);
    expect(slow.error).toMatchObject({ code: 'unsupported_schema', retryable: false });
    expect(slow.error?.message).toContain(`${slowMs} ms`);
    expect(other.done?.finishReason).toBe('length');
    expect(other.tokens).toHaveLength(8);
  });
});
