import { expect, it } from 'vitest';
import { anonymousPrincipal } from '../../../src/protocol/generateRequest.js';
import { createFakeEngine } from '../../support/fakeEngine.js';
import { generate, toTextRequest } from '../../support/generate.js';
import { toScheduler } from '../../support/tinyScheduler.js';

const budget = { besideDecodersTokens: 64, aloneTokens: 64 };

/** Runs the prompts with their priorities, all at once, and returns the order in which they end. */
async function orderOf(requests: readonly { name: string; prompt: string; priority: number }[]) {
  const { engine } = createFakeEngine({ slots: 4, contextTokens: 2048 });
  const scheduler = toScheduler(engine, { budget });
  const order: string[] = [];
  const run = async ({ name, prompt, priority }: (typeof requests)[number]) => {
    const principal = { ...anonymousPrincipal, priority };
    const { done } = await generate(scheduler, toTextRequest(prompt, { principal, maxTokens: 1 }));
    order.push(name);
    return done?.usage.cachedTokens ?? 0;
  };
  const cachedTokens = await Promise.all(requests.map(run));
  return { order, cachedTokens };
}

const shared = 's'.repeat(640);

it('to the one whose prefix they wait for, as long as they wait', async () => {
  const { order, cachedTokens } = await orderOf([
    { name: 'low', prompt: `${shared}${'l'.repeat(1_000)}`, priority: -1 },
    { name: 'middle', prompt: 'm'.repeat(700), priority: 0 },
    { name: 'high', prompt: `${shared}${'h'.repeat(20)}`, priority: 1 },
  ]);
  expect(order).toEqual(['high', 'middle', 'low']);
  expect(cachedTokens).toEqual([0, 0, shared.length]);
});
