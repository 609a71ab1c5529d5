import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseOutOfMemoryKills, readOutOfMemoryKills } from '../../../src/supervisor/outOfMemoryKills.js';

it('the count is read from among the others', () => {
  expect(parseOutOfMemoryKills('pgfree 7\noom_kill 3\nnuma_hit 1\n')).toBe(3);
});

it('a system that does not say how many gives none', () => {
  expect(parseOutOfMemoryKills('pgfree 7\n')).toBeUndefined();
});

it.skipIf(!existsSync('/proc/vmstat'))('this machine says it', () => {
  expect(readOutOfMemoryKills()).toBeGreaterThanOrEqual(0);
});
