import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { offeredSlots, showFreeSlots, slowStartMs, weightOf } from '../../../src/cluster/slowStart.js';

const warm = { readySinceMs: 0 };
const newcomer = { readySinceMs: slowStartMs };
const weightAfter = (ms: number, others = [warm]) => weightOf(newcomer, others, slowStartMs + ms);

describe('the weight of a node', () => {
  it('grows from 0.1 to 1 in 30 s beside a warm node', () => {
    expect([0, 10_000, 20_000, 30_000, 1e9].map((ms) => weightAfter(ms).toFixed(2))).toEqual([
      '0.10',
      '0.40',
      '0.70',
      '1.00',
      '1.00',
    ]);
  });

  it('is 1 from the beginning where it is alone, or all are new', () => {
    expect(weightAfter(0, [])).toBe(1);
    expect(weightAfter(0, [{ readySinceMs: 1 }, { readySinceMs: slowStartMs + 5 }])).toBe(1);
  });

  it('leaves a new node at most a quarter of its slots in the first 5 s, or one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 0, max: 5_000 }), (slots, ms) => {
        expect(offeredSlots(weightAfter(ms), slots)).toBeLessThanOrEqual(Math.max(1, Math.ceil(slots / 4)));
        expect(offeredSlots(weightAfter(ms), slots)).toBeGreaterThanOrEqual(1);
      }),
    );
    expect(offeredSlots(weightAfter(5_000), 4)).toBe(1);
  });
});

const node = fc
  .record({ weight: fc.double({ min: 0.1, max: 1, noNaN: true }), slotsTotal: fc.nat(16), busy: fc.nat(16) })
  .map(({ busy, ...rest }) => ({ ...rest, slotsFree: Math.max(0, rest.slotsTotal - busy) }));

describe('the free slots that are shown', () => {
  it('hide none where no other is free, and are never more than there are', () => {
    fc.assert(
      fc.property(fc.array(node, { maxLength: 6 }), (nodes) => {
        const shown = showFreeSlots(nodes, () => true);
        const isAny = (slots: readonly number[]) => slots.some((free) => free > 0);
        expect(isAny(shown)).toBe(isAny(nodes.map(({ slotsFree }) => slotsFree)));
        for (const [index, free] of shown.entries()) {
          expect(free).toBeGreaterThanOrEqual(0);
          expect(free).toBeLessThanOrEqual(nodes[index]?.slotsFree ?? 0);
        }
      }),
    );
  });

  it('are those of a new node only when the warm ones are full', () => {
    const beginner = { weight: 0.1, slotsTotal: 4, slotsFree: 3 };
    const full = { weight: 1, slotsTotal: 4, slotsFree: 0 };
    expect(showFreeSlots([beginner, { ...full, slotsFree: 1 }], () => true)).toEqual([0, 1]);
    expect(showFreeSlots([beginner, full], () => true)).toEqual([3, 0]);
    expect(showFreeSlots([beginner, { ...full, slotsFree: 2 }], (node) => node === beginner)).toEqual([3, 2]);
  });
});
