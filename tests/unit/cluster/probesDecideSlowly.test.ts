import { expect, it } from 'vitest';
import { noProbes, reduceProbes } from '../../../src/cluster/probeResults.js';

const after = (results: string) =>
  [...results].reduce((state, result) => reduceProbes(state, result === '+'), noProbes).kind;

it.each([
  ['', 'passing'],
  ['--', 'passing'],
  ['---', 'failing'],
  ['--+--', 'passing'],
  ['---+', 'failing'],
  ['---+-+', 'failing'],
  ['---++', 'passing'],
  ['---++--', 'passing'],
])('a node after the probes "%s" is %s', (results, kind) => {
  expect(after(results)).toBe(kind);
});
