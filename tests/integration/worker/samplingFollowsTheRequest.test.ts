import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sampling } from '../../../src/protocol/generateRequest.js';
import type { Scheduler } from '../../../src/worker/scheduler/scheduler.js';
import { generate, greedy, toRequest, toTextRequest } from '../../support/generate.js';
import { startTinyEngine, type TinyEngine } from '../../support/tinyEngine.js';
import { toScheduler } from '../../support/tinyScheduler.js';

describe('sampling', () => {
  let tiny: TinyEngine;
  let scheduler: Scheduler;
  beforeAll(async () => {
    tiny = await startTinyEngine({ contextTokens: 512, model: { endless: true } });
    scheduler = toScheduler(tiny.engine);
  });
  afterAll(() => tiny.close());

  const hot: Sampling = { ...greedy, temperature: 2, seed: 3 };
  const draw = async (sampling: Sampling, content = 'Hello', maxTokens = 24) =>
    (await generate(scheduler, toRequest(content, { sampling, maxTokens }))).tokens;

  it('is the same for the same seed, alone and beside others', async () => {
    const alone = await draw(hot);
    const [first, , third] = await Promise.all([draw(hot), draw({ ...hot, seed: 4 }), draw(hot)]);
    expect(first).toEqual(alone);
    expect(third).toEqual(alone);
    expect(await draw({ ...hot, seed: 4 })).not.toEqual(alone);
  });

  it('goes on with the same tokens where it is resumed', async () => {
    const request = toRequest('Hello', { sampling: hot, maxTokens: 24 });
    const whole = await generate(scheduler, request);
    for (const cut of [1, 7, 23]) {
      const resumed = await generate(scheduler, { ...request, resumeTokens: whole.tokens.slice(0, cut) });
      expect(resumed.tokens).toEqual(whole.tokens.slice(cut));
    }
  });

  it.each<[string, Partial<Sampling>]>([
    ['top-k 1', { topK: 1 }],
    ['min-p 1', { minP: 1 }],
    ['top-p 0', { topP: 0 }],
  ])('is greedy with %s', async (_name, changes) => {
    expect(await draw({ ...hot, ...changes })).toEqual(await draw(greedy));
    expect(await draw(hot)).not.toEqual(await draw(greedy));
  });

  it.each([1e-6, 1e-20, 1e-38, 1e-39, 1e-44, 1e-46, 5e-324])(
    'follows a grammar at a temperature of %f, and is greedy',
    async (temperature) => {
      const request = toRequest('Hello', { constraint: { type: 'json_object' }, maxTokens: 24 });
      const expected = await generate(scheduler, request);
      expect(expected.tokens).not.toHaveLength(0);
      const cold = await generate(scheduler, { ...request, sampling: { ...hot, temperature } });
      expect(cold.error).toBeUndefined();
      expect(cold.tokens).toEqual(expected.tokens);
    },
  );

  it('never takes a banned token, and takes a wanted one', async () => {
    const [first = 0] = await draw(greedy);
    const banned = await draw({ ...greedy, logitBias: [{ token: first, bias: -100 }] });
    expect(banned).not.toContain(first);
    const rated = await generate(scheduler, toRequest('Hello', { maxTokens: 1, topLogprobs: 3 }));
    const wanted = rated.outputs[0]?.logprobs?.[0]?.top[2]?.token ?? 0;
    const only = await draw({ ...greedy, logitBias: [{ token: wanted, bias: 100 }] }, 'Hello', 1);
    expect(only).toEqual([wanted]);
  });

  it.each<[string, Partial<Sampling>]>([
    ['presence penalty', { presencePenalty: 2 }],
    ['frequency penalty', { frequencyPenalty: 2 }],
    ['repeat penalty', { repeatPenalty: 3 }],
  ])('repeats less with a %s, and resumes with it', async (_name, changes) => {
    const plain = await draw(greedy, 'Hello', 200);
    const sampling = { ...greedy, ...changes };
    const request = toRequest('Hello', { sampling, maxTokens: 200 });
    const whole = await generate(scheduler, request);
    expect(new Set(whole.tokens).size).toBeGreaterThan(new Set(plain).size);
    const resumed = await generate(scheduler, { ...request, resumeTokens: whole.tokens.slice(0, 100) });
    expect(resumed.tokens).toEqual(whole.tokens.slice(100));
  });

  it('names log probabilities of the model, not of what is done to them', async () => {
    const ask = (sampling: Sampling) =>
      generate(scheduler, toRequest('Hello', { sampling, maxTokens: 5, topLogprobs: 4 }));
    const first = (await ask(greedy)).outputs[0]?.logprobs?.[0];
    expect(first?.token).toBe(first?.top[0]?.token);
    expect(first?.logprob).toBe(first?.top[0]?.logprob);
    const logprobs = first?.top.map(({ logprob }) => logprob) ?? [];
    expect(logprobs).toHaveLength(4);
    expect(logprobs).toEqual([...logprobs].sort((a, b) => b - a));
    expect(logprobs.reduce((sum, logprob) => sum + Math.exp(logprob), 0)).toBeLessThanOrEqual(1 + 1e-6);

    const biased = { ...hot, topK: 1, logitBias: [{ token: first?.top[2]?.token ?? 0, bias: 100 }] };
    const forced = (await ask(biased)).outputs[0]?.logprobs?.[0];
    expect(forced?.token).toBe(first?.top[2]?.token);
    expect(forced?.logprob).toBeCloseTo(first?.top[2]?.logprob ?? 0, 5);
    expect(forced?.top).toEqual(first?.top);
  });

  it('has probabilities that sum to one over the whole vocabulary', async () => {
    const sampler = tiny.engine.createSampler({
      sampling: greedy,
      grammar: undefined,
      ignoreEos: false,
      topLogprobs: 1,
    });
    const prompt = tiny.engine.tokenize('Hello', { special: false });
    const targets = Array.from({ length: tiny.engine.vocabularySize }, (_, token) => token);
    let sum = 0;
    for (const target of targets) {
      tiny.engine.truncate(0, 0);
      const [result] = await tiny.engine.step([
        { slot: 0, tokens: prompt, rate: { targets: prompt.map(() => target), top: 1 } },
      ]);
      sum += result?.kind === 'cached' ? Math.exp(result.ratings.at(-1)?.logprob ?? -Infinity) : 0;
    }
    tiny.engine.truncate(0, 0);
    sampler.dispose();
    expect(sum).toBeCloseTo(1, 3);
  }, 60_000);

  it('goes on behind the end token where that is asked for', async () => {
    const mortal = await startTinyEngine({ contextTokens: 256 });
    const mortals = toScheduler(mortal.engine);
    const stopped = await generate(mortals, toRequest('Hello', { maxTokens: 120 }));
    const endless = await generate(mortals, toRequest('Hello', { maxTokens: 120, ignoreEos: true }));
    expect(stopped.done?.finishReason).toBe('stop');
    expect(endless.done?.finishReason).toBe('length');
    expect(endless.tokens).toHaveLength(120);
    await mortal.close();
  });

  it.each([
    ['greedy', greedy],
    ['with a seed', hot],
  ])('ends where a schema leaves nothing else, asked to go on or not: %s', async (_name, sampling) => {
    const constraint = { type: 'json_schema' as const, schema: { enum: ['yes', 'no'] }, strict: true };
    const request = toRequest('Sure?', { constraint, sampling, maxTokens: 120, ignoreEos: true });
    const { done, error, text } = await generate(scheduler, request);
    expect(error).toBeUndefined();
    expect(done?.finishReason).toBe('stop');
    expect(['"yes"', '"no"']).toContain(text.trim());
  });
});

describe('a text completion', () => {
  let tiny: TinyEngine;
  let scheduler: Scheduler;
  beforeAll(async () => {
    tiny = await startTinyEngine({ contextTokens: 512 });
    scheduler = toScheduler(tiny.engine);
  });
  afterAll(() => tiny.close());

  it('goes on with the text itself, or with its tokens', async () => {
    const text = 'the green hills of';
    const fromText = await generate(scheduler, toTextRequest(text, { maxTokens: 8 }));
    const bos = tiny.engine.bosToken;
    const ids = [...(bos?.prepend ? [bos.id] : []), ...tiny.engine.tokenize(text, { special: false })];
    const fromTokens = await generate(scheduler, toTextRequest(ids, { maxTokens: 8 }));
    expect(fromTokens.tokens).toEqual(fromText.tokens);
    expect(fromTokens.accepted.promptTokens).toBe(fromText.accepted.promptTokens);
  });

  it('only rates the prompt where nothing is to be generated', async () => {
    const request = toTextRequest('rate this', { maxTokens: 0, echo: true, topLogprobs: 0 });
    const { echo, accepted, tokens, done } = await generate(scheduler, request);
    expect(echo?.logprobs).toHaveLength(accepted.promptTokens);
    expect(tokens).toEqual([]);
    expect(done).toMatchObject({ finishReason: 'length', usage: { completionTokens: 0 } });
  });

  it('echoes the prompt with log probabilities of its tokens', async () => {
    const text = 'the green hills';
    const request = toTextRequest(text, { maxTokens: 2, echo: true, topLogprobs: 2 });
    const { echo, accepted, outputs } = await generate(scheduler, request);
    expect(echo?.text).toBe(text);
    expect(echo?.logprobs).toHaveLength(accepted.promptTokens);
    expect(echo?.logprobs?.[0]).toBeNull();
    expect(echo?.logprobs?.[1]?.top).toHaveLength(2);
    expect(outputs[0]?.logprobs?.[0]?.top).toHaveLength(2);
    const bytes = echo?.logprobs?.slice(1).map((rating) => Buffer.from(rating?.bytes ?? '', 'base64'));
    expect(text.endsWith(Buffer.concat(bytes ?? []).toString())).toBe(true);
  });

  it('refuses tokens that do not exist', () => {
    const submission = scheduler.submit(toTextRequest([1, 999_999]), new AbortController().signal);
    expect(submission).toMatchObject({ kind: 'refused', failure: { code: 'invalid_prompt' } });
  });
});

describe('a request with a deadline', () => {
  it('fails when it has passed', async () => {
    const tiny = await startTinyEngine({ contextTokens: 2048, model: { endless: true } });
    const { error, done } = await generate(toScheduler(tiny.engine), toRequest('Hello', { deadlineMs: 50 }));
    expect(done).toBeUndefined();
    expect(error).toMatchObject({ code: 'deadline_exceeded', retryable: false });
    await tiny.close();
  });
});
