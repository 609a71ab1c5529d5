import { expect, it } from 'vitest';
import { createFakeEngine, endToken, tokenBehind } from '../../support/fakeEngine.js';
import { generate, toTextRequest } from '../../support/generate.js';
import { toScheduler } from '../../support/tinyScheduler.js';

it('also from a request that arrives while they are moved', async () => {
  const moves: string[] = [];
  const { engine } = createFakeEngine({ slots: 3, onCopy: () => arrive() });
  const scheduler = toScheduler(engine);
  function arrive(): void {
    const { slotsBusy } = scheduler.report();
    const request = toTextRequest('newcomer', { model: 'fake' });
    moves.push(`${slotsBusy} busy: ${scheduler.submit(request, new AbortController().signal).kind}`);
  }
  const hangUp = new AbortController();
  const ask = (prompt: string, signal?: AbortSignal) =>
    generate(scheduler, toTextRequest(prompt, { model: 'fake', maxTokens: 100, ignoreEos: true }), signal);

  const running = [ask('first'), ask('gap', hangUp.signal), ask('moved')];
  hangUp.abort();
  const [first, , moved] = await Promise.all(running);

  expect(moves).toEqual(['3 busy: refused']);
  for (const [prompt, generated] of [
    ['first', first],
    ['moved', moved],
  ] as const) {
    const sequence = engine.tokenize(prompt, { special: false });
    const expected: number[] = [];
    for (let next = tokenBehind(sequence); next !== endToken && expected.length < 100;) {
      expected.push(next);
      next = tokenBehind([...sequence, ...expected]);
    }
    expect(expected.length).toBeGreaterThan(40);
    expect(generated?.tokens).toEqual(expected);
  }
});
