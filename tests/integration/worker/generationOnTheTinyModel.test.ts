import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyEmoji } from '../../../src/models/tinyWords.js';
import type { Scheduler } from '../../../src/worker/scheduler/scheduler.js';
import { generate, greedy, toRequest } from '../../support/generate.js';
import { startTinyEngine, type TinyEngine } from '../../support/tinyEngine.js';
import { toScheduler } from '../../support/tinyScheduler.js';

const prompts = ['Hello', 'What is the sea?', 'Tell me of the hills', 'One two three'];

describe('generation on the tiny model', () => {
  let tiny: TinyEngine;
  let endless: TinyEngine;
  let scheduler: Scheduler;
  let endlessScheduler: Scheduler;

  beforeAll(async () => {
    tiny = await startTinyEngine();
    endless = await startTinyEngine({ contextTokens: 512, model: { endless: true } });
    scheduler = toScheduler(tiny.engine);
    endlessScheduler = toScheduler(endless.engine);
  });
  afterAll(async () => {
    await tiny.close();
    await endless.close();
  });

  it('ends at the end token and counts what it did', async () => {
    const { text, tokens, done, accepted } = await generate(scheduler, toRequest('Hello'));
    expect(done?.finishReason).toBe('stop');
    expect(done).not.toHaveProperty('stopText');
    expect(text.length).toBeGreaterThan(20);
    expect(done?.usage).toEqual({
      promptTokens: accepted.promptTokens,
      completionTokens: tokens.length,
      reasoningTokens: 0,
      cachedTokens: accepted.cachedTokens,
    });
  });

  it('gives the same greedy tokens alone, again, and beside others in lock-step', async () => {
    const alone = [];
    for (const prompt of prompts) alone.push((await generate(scheduler, toRequest(prompt))).tokens);
    const together = await Promise.all(prompts.map((prompt) => generate(scheduler, toRequest(prompt))));
    expect(together.map(({ tokens }) => tokens)).toEqual(alone);
    expect(new Set(alone.map((tokens) => tokens.join())).size).toBeGreaterThan(1);
  });

  it('emits an emoji that is spread over four tokens in one piece', async () => {
    const { deltas, text } = await generate(scheduler, toRequest('Hello'));
    expect(text).toContain(tinyEmoji);
    expect(deltas.some((delta) => delta.includes(tinyEmoji))).toBe(true);
    expect(deltas.join('')).not.toContain('\uFFFD');
  });

  it.each([1, 5, 17])('goes on with the same tokens when it is resumed after %i tokens', async (cut) => {
    const whole = await generate(scheduler, toRequest('What is the sea?'));
    const first = whole.tokens.slice(0, cut);
    const rest = await generate(scheduler, toRequest('What is the sea?', { resumeTokens: first }));
    expect([...first, ...rest.tokens]).toEqual(whole.tokens);
    expect(whole.deltas.slice(0, cut).join('') + rest.text).toBe(whole.text);
    expect(rest.done?.usage.completionTokens).toBe(whole.tokens.length);
  });

  it('needs no token more when it is resumed behind its last one', async () => {
    const whole = await generate(scheduler, toRequest('Hello', { maxTokens: 6 }));
    const rest = await generate(scheduler, toRequest('Hello', { maxTokens: 6, resumeTokens: whole.tokens }));
    expect(rest.tokens).toEqual([]);
    expect(rest.done).toMatchObject({ finishReason: 'length', usage: { completionTokens: 6 } });
  });

  it('stops before a stop text that begins and ends within tokens', async () => {
    const { text } = await generate(scheduler, toRequest('Hello'));
    const stop = text.slice(11, 19);
    const cut = await generate(scheduler, toRequest('Hello', { stop: ['never there', stop] }));
    expect(cut.text).toBe(text.slice(0, text.indexOf(stop)));
    expect(cut.done).toMatchObject({ finishReason: 'stop', stopText: stop });
  });

  it('ends with length at the token limit', async () => {
    const { tokens, done } = await generate(scheduler, toRequest('Hello', { maxTokens: 3 }));
    expect(tokens).toHaveLength(3);
    expect(done?.finishReason).toBe('length');
  });

  it('ends with length where the context is full', async () => {
    const { tokens, done, accepted } = await generate(endlessScheduler, toRequest('Hello'));
    expect(done?.finishReason).toBe('length');
    expect(accepted.promptTokens + tokens.length).toBe(512);
  });

  it('refuses a prompt that does not fit, and says how long it is', () => {
    const submission = endlessScheduler.submit(toRequest('x'.repeat(600)), new AbortController().signal);
    expect(submission).toMatchObject({
      kind: 'refused',
      failure: {
        code: 'context_length_exceeded',
        retryable: false,
        message: expect.stringContaining('511') as string,
      },
    });
  });

  it('samples the same text for the same seed and another one for another seed', async () => {
    const sampled = async (seed: number) =>
      (
        await generate(
          scheduler,
          toRequest('Hello', { sampling: { ...greedy, temperature: 2, seed }, maxTokens: 24 }),
        )
      ).tokens;
    const first = await sampled(7);
    expect(await sampled(7)).toEqual(first);
    expect(await sampled(8)).not.toEqual(first);
  });

  it('reuses a cached prompt within a namespace only', async () => {
    const request = toRequest('a prompt that was not there before');
    await generate(scheduler, request);
    const again = await generate(scheduler, request);
    expect(again.accepted.cachedTokens).toBe(again.accepted.promptTokens - 1);
    const other = { ...request, principal: { ...request.principal, cacheNamespace: 'other' } };
    expect((await generate(scheduler, other)).accepted.cachedTokens).toBe(0);
  });

  it('refuses at once when all slots are busy, and frees a slot when its client leaves', async () => {
    const aborts = prompts.map(() => new AbortController());
    const running = prompts.map((prompt, index) =>
      generate(endlessScheduler, toRequest(prompt), aborts[index]?.signal),
    );
    const refused = endlessScheduler.submit(toRequest('one more'), new AbortController().signal);
    expect(refused).toMatchObject({ kind: 'refused', failure: { code: 'no_free_slot', retryable: true } });
    expect(endlessScheduler.report().slotsBusy).toBe(4);

    for (const abort of aborts) abort.abort();
    const cut = await Promise.all(running);
    expect(cut.every(({ done }) => done === undefined)).toBe(true);
    await endlessScheduler.whenIdle();
    expect(endlessScheduler.report().slotsBusy).toBe(0);
    expect((await generate(endlessScheduler, toRequest('one more', { maxTokens: 2 }))).tokens).toHaveLength(
      2,
    );
  });
});
