import { describe, expect, it } from 'vitest';
import { isEligible } from '../../../src/routing/eligibility.js';
import { leastBusy, scoreFreeSlots } from '../../../src/routing/leastBusy.js';
import type { AttemptHistory } from '../../../src/routing/policy.js';
import type { NodeSnapshot } from '../../../src/routing/nodeSnapshot.js';
import { orders, routingRequest, snapshot as node } from '../../support/nodeSnapshots.js';

function expectPick(nodes: readonly NodeSnapshot[], nodeId: string | undefined, history?: AttemptHistory) {
  const request = routingRequest(history ? { history } : {});
  for (const order of orders(nodes)) expect(leastBusy(order, request).nodeId).toBe(nodeId);
}

describe('the node for a request', () => {
  it('is none where there is none', () => {
    expectPick([], undefined);
  });

  it('is ready, although another has more free slots', () => {
    expectPick([node('a', { isReady: false }), node('b', { slotsFree: 1 })], 'b');
  });

  it('has a free slot', () => {
    expectPick([node('a', { slotsFree: 0 }), node('b', { slotsFree: 1, claims: 99 })], 'b');
  });

  it('is none where all are full, not ready, without the model, or over-claimed', () => {
    expectPick(
      [
        node('full', { slotsFree: 0 }),
        node('away', { isReady: false }),
        node('other', { slotsTotal: 0, slotsFree: 0 }),
        node('restarted', { slotsTotal: 1, slotsFree: -2 }),
      ],
      undefined,
    );
  });

  it('has the largest share of free slots, not the largest number', () => {
    expectPick(
      [node('large', { slotsTotal: 16, slotsFree: 8 }), node('small', { slotsTotal: 2, slotsFree: 2 })],
      'small',
    );
  });

  it('has the larger share even where it was given more requests', () => {
    expectPick([node('a', { slotsFree: 3, claims: 0 }), node('b', { slotsFree: 4, claims: 50 })], 'b');
  });

  it('was given the fewest requests among those with an equal share', () => {
    expectPick(
      [
        node('a', { claims: 3 }),
        node('b', { claims: 1, slotsTotal: 8, slotsFree: 8 }),
        node('c', { claims: 2 }),
      ],
      'b',
    );
  });

  it('is the first by id among equals', () => {
    expectPick([node('worker_2'), node('worker_1'), node('worker_3')], 'worker_1');
  });

  it('is chosen without changing the snapshots', () => {
    const nodes = [node('b'), node('a')].map((snapshot) => Object.freeze(snapshot));
    expect(leastBusy(Object.freeze(nodes), routingRequest()).nodeId).toBe('a');
    expect(nodes.map(({ nodeId }) => nodeId)).toEqual(['b', 'a']);
  });
});

describe('the node for a request that is tried again', () => {
  const failedOn = (...nodeIds: string[]): AttemptHistory => ({
    failedOn: new Set(nodeIds),
    busyNodeId: undefined,
  });
  const busy = (busyNodeId: string): AttemptHistory => ({ failedOn: new Set(), busyNodeId });

  it('is not one that failed it, however free', () => {
    expectPick([node('a'), node('b', { slotsFree: 1, claims: 9 })], 'b', failedOn('a'));
    expectPick([node('a'), node('b'), node('c')], 'c', failedOn('a', 'b'));
  });

  it('is none while another node that serves the model has no slot free', () => {
    expectPick([node('a'), node('b', { slotsFree: 0 })], undefined, failedOn('a'));
  });

  it.each([
    ['not ready', { isReady: false }],
    ['without the model', { slotsTotal: 0, slotsFree: 0 }],
  ])('is one that failed it where the others are %s', (_how, fields) => {
    expectPick([node('a'), node('b', fields)], 'a', failedOn('a'));
  });

  it('is the least busy of those that failed it where all did', () => {
    expectPick([node('a', { slotsFree: 1 }), node('b')], 'b', failedOn('a', 'b'));
  });

  it('is not the one that had no free slot a moment ago, where another has one', () => {
    expectPick([node('a'), node('b', { slotsFree: 1 })], 'b', busy('a'));
  });

  it('is the one that had no free slot a moment ago where no other has one', () => {
    expectPick([node('a', { slotsFree: 1 }), node('b', { slotsFree: 0 })], 'a', busy('a'));
  });

  it('is the busy one before the failed one', () => {
    expectPick([node('a'), node('b', { slotsFree: 1 })], 'b', {
      failedOn: new Set(['a']),
      busyNodeId: 'b',
    });
  });
});

describe('the score of a node', () => {
  it.each([
    [4, 4, 1],
    [1, 4, 0.25],
    [0, 4, 0],
    [0, 0, 0],
  ])('with %d of %d slots free is %d', (slotsFree, slotsTotal, score) => {
    expect(scoreFreeSlots(node('a', { slotsFree, slotsTotal }))).toBe(score);
  });
});

describe('an eligible node', () => {
  it('is ready and has a slot', () => {
    expect(isEligible(node('a'))).toBe(true);
    expect(isEligible(node('a', { isReady: false }))).toBe(false);
    expect(isEligible(node('a', { slotsFree: 0 }))).toBe(false);
  });
});
