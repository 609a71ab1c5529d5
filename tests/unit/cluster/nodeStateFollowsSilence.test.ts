import { describe, expect, it } from 'vitest';
import { lostAfterMs, nodeStateAt, suspectAfterMs } from '../../../src/cluster/workerState.js';

const atMs = 10_000;
const known = { hasFreeSlots: true, isProbeFailing: false, isDrained: false };

describe('the state of a node', () => {
  it('has limits that allow for two lost heartbeats', () => {
    expect([suspectAfterMs, lostAfterMs]).toEqual([2_500, 6_000]);
  });

  it.each([0, 1e9])('is joining as long as it was never heard of, at %d ms too', (now) => {
    expect(nodeStateAt({ kind: 'awaited' }, now, known)).toBe('joining');
  });

  it('is lost when its connection ended', () => {
    expect(nodeStateAt({ kind: 'disconnected', atMs: 0 }, 0, known)).toBe('lost');
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
      expect(nodeStateAt({ kind: 'heard', atMs, phase }, atMs + silentMs, { ...known, hasFreeSlots })).toBe(
        state,
      );
    }
  });

  it.each(['ready', 'loading', 'draining'] as const)('is suspect, then lost, when %s and silent', (phase) => {
    const stateAfter = (silentMs: number) =>
      nodeStateAt({ kind: 'heard', atMs, phase }, atMs + silentMs, known);
    expect(stateAfter(2_500)).toBe('suspect');
    expect(stateAfter(5_999)).toBe('suspect');
    expect(stateAfter(6_000)).toBe('lost');
    expect(stateAfter(1e9)).toBe('lost');
  });

  it.each([
    ['ready', 'suspect'],
    ['loading', 'suspect'],
    ['draining', 'suspect'],
  ] as const)('is, when %s, %s where its health probes fail', (phase, state) => {
    expect(nodeStateAt({ kind: 'heard', atMs, phase }, atMs, { ...known, isProbeFailing: true })).toBe(state);
  });

  it.each([
    ['ready', 'draining'],
    ['loading', 'loading'],
    ['draining', 'draining'],
  ] as const)('is, when %s, %s where an operator drains it', (phase, state) => {
    expect(nodeStateAt({ kind: 'heard', atMs, phase }, atMs, { ...known, isDrained: true })).toBe(state);
  });
});
