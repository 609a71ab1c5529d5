import { describe, expect, it } from 'vitest';
import { lostAfterMs, nodeStateAt, suspectAfterMs } from '../../../src/cluster/workerState.js';

const atMs = 10_000;

describe('the state of a node', () => {
  it('has limits that allow for two lost heartbeats', () => {
    expect([suspectAfterMs, lostAfterMs]).toEqual([2_500, 6_000]);
  });

  it.each([0, 1e9])('is joining as long as it was never heard of, at %d ms too', (now) => {
    expect(nodeStateAt({ kind: 'awaited' }, now, true)).toBe('joining');
  });

  it('is lost when its connection ended', () => {
    expect(nodeStateAt({ kind: 'disconnected', atMs: 0 }, 0, true)).toBe('lost');
  });

  it.each([
    ['ready', true, 'ready'],
    ['ready', false, 'busy'],
    ['loading', true, 'loading'],
    ['loading', false, 'loading'],
    ['draining', true, 'draining'],
    ['draining', false, 'draining'],
  ] as const)('is, %s with free slots: %s, while it is heard %s', (phase, hasFreeSlots, state) => {
    for (const silentMs of [0, 1_000, 2_499]) {
      expect(nodeStateAt({ kind: 'heard', atMs, phase }, atMs + silentMs, hasFreeSlots)).toBe(state);
    }
  });

  it.each(['ready', 'loading', 'draining'] as const)('is suspect, then lost, when %s and silent', (phase) => {
    const stateAfter = (silentMs: number) =>
      nodeStateAt({ kind: 'heard', atMs, phase }, atMs + silentMs, true);
    expect(stateAfter(2_500)).toBe('suspect');
    expect(stateAfter(5_999)).toBe('suspect');
    expect(stateAfter(6_000)).toBe('lost');
    expect(stateAfter(1e9)).toBe('lost');
  });
});
