import { expect, it } from 'vitest';
import { AttemptWatch, leastTokensForRate } from '../../../src/cluster/attemptWatch.js';

/** An answer of so many tokens, 10 ms apart, the last of which comes 150 ms late. */
function watchAnswer(tokens: number): [string, number][] {
  let nowMs = 0;
  const took: [string, number][] = [];
  const watch = new AttemptWatch(() => nowMs, {
    outcome: () => undefined,
    took: (measure, ms) => took.push([measure, Math.round(ms)]),
    ended: () => undefined,
  });
  watch.accepted(64, 0);
  for (let token = 0; token < tokens; token++) {
    nowMs += token === tokens - 1 ? 160 : 10;
    watch.countTokens(1);
  }
  watch.report('succeeded');
  return took;
}

it('a hiccup in a short answer says nothing about the speed of a node', () => {
  expect(watchAnswer(leastTokensForRate).map(([measure]) => measure)).toEqual(['firstToken']);
});

it('a long answer does', () => {
  expect(watchAnswer(101)).toEqual([
    ['firstToken', 0],
    ['nextTokens', 12],
  ]);
});
