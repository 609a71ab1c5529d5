import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routingPolicyNames } from '../../../src/protocol/routing.js';
import type { NodeSnapshot } from '../../../src/routing/nodeSnapshot.js';
import { policies } from '../../../src/routing/policies.js';
import type { RoutingRequest } from '../../../src/routing/policy.js';
import { mostPassedOverMs, prefixAware } from '../../../src/routing/prefixAware.js';
import { roundRobin } from '../../../src/routing/roundRobin.js';
import { normalSpeed, orders, routingRequest, snapshot } from '../../support/nodeSnapshots.js';

const work = fc.record({ prefillTokens: fc.nat(4000), decodeTokens: fc.nat(500) });
const nodeFields = fc.record({
  isReady: fc.boolean(),
  weight: fc.constantFrom(1, 1, 0.1, 0.5),
  slotsTotal: fc.nat(4),
  slotsFree: fc.integer({ min: -1, max: 4 }),
  claims: fc.nat(3),
  lastClaim: fc.nat(3),
  speed: fc.record({
    prefillTokensPerSecond: fc.constantFrom(100, 400, 400, 4000),
    decodeTokensPerSecond: fc.constantFrom(10, 40, 40, 100),
    batchSlowdown: fc.constant(0.3),
  }),
  running: fc.array(work, { maxLength: 4 }),
  cachedTokens: fc.constantFrom(0, 0, 128, 1000),
});
const nodesOf = fc.array(nodeFields, { maxLength: 5 }).map((all) =>
  all.map((fields, index): NodeSnapshot => ({
    ...fields,
    nodeId: `worker_${index}`,
    slotsFree: Math.min(fields.slotsFree, fields.slotsTotal),
  })),
);
const requestOf: fc.Arbitrary<RoutingRequest> = fc.record({
  promptTokens: fc.constantFrom(0, 200, 1500),
  outputTokens: fc.constantFrom(0, 16, 300),
  passedOverMs: fc.constantFrom(0, 1000, mostPassedOverMs, 5000),
  history: fc.record({
    failedOn: fc.array(fc.nat(4), { maxLength: 2 }).map((ids) => new Set(ids.map((id) => `worker_${id}`))),
    busyNodeId: fc.option(
      fc.nat(4).map((id) => `worker_${id}`),
      { nil: undefined },
    ),
  }),
  waitingAhead: fc.nat(2).map((count) => new Map([['worker_0', count]])),
});

describe.each(routingPolicyNames)('%s', (name) => {
  const policy = policies[name];

  it('decides the same in whatever order the nodes come', () => {
    fc.assert(
      fc.property(nodesOf, requestOf, fc.nat(), (nodes, request, turn) => {
        const at = turn % Math.max(1, nodes.length);
        const turned = [...nodes.slice(at), ...nodes.slice(0, at)].reverse();
        expect(policy(turned, request)).toEqual(policy(nodes, request));
      }),
    );
  });

  it('gives a request to a ready node with a free slot, and leaves it without one for a reason only', () => {
    fc.assert(
      fc.property(nodesOf, requestOf, (nodes, request) => {
        const { nodeId, reason, awaited, candidates } = policy(nodes, request);
        const chosen = nodes.find((node) => node.nodeId === nodeId);
        for (const { score } of candidates) {
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(1);
        }
        if (chosen) {
          expect(chosen.isReady && chosen.slotsFree > 0).toBe(true);
          return;
        }
        expect(nodeId).toBeUndefined();
        const couldTake = nodes.filter(
          (node) => node.isReady && node.slotsFree > 0 && !request.history.failedOn.has(node.nodeId),
        );
        if (couldTake.length > 0) {
          // No slot is idle beside a request that has passed one over for as long as it may.
          expect(reason).toBe('awaited');
          expect(awaited?.mostMs).toBeGreaterThan(0);
          expect(awaited?.mostMs).toBeLessThanOrEqual(mostPassedOverMs - request.passedOverMs);
        } else expect(reason).toBe('full');
      }),
    );
  });

  it('goes on with nodes that failed the request where there are no others', () => {
    const history = { failedOn: new Set(['a']), busyNodeId: undefined };
    expect(policy([snapshot('a')], routingRequest({ history })).nodeId).toBe('a');
    expect(policy([snapshot('a'), snapshot('b')], routingRequest({ history })).nodeId).toBe('b');
  });
});

function pick(nodes: readonly NodeSnapshot[], request: Partial<RoutingRequest> = {}) {
  const decisions = orders(nodes).map((order) => prefixAware(order, routingRequest(request)));
  for (const decision of decisions) expect(decision).toEqual(decisions[0]);
  return decisions[0];
}
const running = (count: number, prefillTokens = 0, decodeTokens = 40) =>
  Array.from({ length: count }, () => ({ prefillTokens, decodeTokens }));
const busy = (count: number) => ({ slotsFree: 4 - count, running: running(count) });

describe('the prefix-aware policy', () => {
  it('takes the node that holds the prompt', () => {
    expect(pick([snapshot('a'), snapshot('b', { cachedTokens: 300 })])).toMatchObject({
      nodeId: 'b',
      reason: 'prefix',
    });
  });

  it('takes it although it is the busier one, as long as that is sooner', () => {
    const [idle, warm] = [snapshot('a'), snapshot('b', { cachedTokens: 380, ...busy(1) })];
    expect(pick([idle, warm])?.nodeId).toBe('b');
    expect(pick([idle, snapshot('b', { cachedTokens: 50, ...busy(1) })])).toMatchObject({
      nodeId: 'a',
      reason: 'load',
    });
  });

  it('takes the idle one where nobody holds anything, in turn where all are equal', () => {
    expect(pick([snapshot('a', busy(1)), snapshot('b')])).toMatchObject({ nodeId: 'b', reason: 'load' });
    expect(pick([snapshot('a', { claims: 2 }), snapshot('b', { claims: 1 })])?.nodeId).toBe('b');
    expect(pick([snapshot('b'), snapshot('a')])?.nodeId).toBe('a');
  });

  it('takes the faster one', () => {
    const fast = { ...normalSpeed, prefillTokensPerSecond: 800, decodeTokensPerSecond: 80 };
    expect(pick([snapshot('a'), snapshot('b', { speed: fast, ...busy(2) })])?.nodeId).toBe('b');
  });

  it('knows that prompts which are being read come first', () => {
    const reading = { slotsFree: 3, running: running(1, 2000, 40) };
    expect(pick([snapshot('a', { cachedTokens: 300, ...reading }), snapshot('b', busy(1))])?.nodeId).toBe(
      'b',
    );
  });

  it('gives little to a node that starts slowly', () => {
    expect(
      pick([snapshot('a', { weight: 0.1, claims: 0 }), snapshot('b', { claims: 9, ...busy(2) })])?.nodeId,
    ).toBe('b');
    expect(pick([snapshot('a', { weight: 0.1 }), snapshot('b', busy(4))])?.nodeId).toBe('a');
  });

  it('passes over one that has more than its share, however much it holds', () => {
    const many = { slotsTotal: 64, slotsFree: 32 };
    const hot = snapshot('a', { ...many, cachedTokens: 20_000, running: running(32) });
    const request = { promptTokens: 20_000 };
    expect(pick([hot, snapshot('b', { ...many, running: running(30) })], request)).toMatchObject({
      nodeId: 'a',
    });
    const decision = pick([hot, ...['b', 'c', 'd', 'e'].map((id) => snapshot(id, many))], {
      promptTokens: 4_000,
      outputTokens: 10,
    });
    expect(decision).toMatchObject({ nodeId: 'b' });
    expect(decision?.candidates[0]?.passedOver).toBe('overloaded');
  });

  describe('with a full node that holds the prompt', () => {
    const full = (decodeTokens: number) =>
      snapshot('a', { slotsFree: 0, cachedTokens: 3900, running: running(4, 0, decodeTokens) });
    const long = { promptTokens: 4000, outputTokens: 10 };

    it('waits for it where that is clearly sooner', () => {
      const decision = pick([full(10), snapshot('b')], long);
      expect(decision).toMatchObject({
        nodeId: undefined,
        reason: 'awaited',
        awaited: { nodeId: 'a', mostMs: 2000 },
      });
      expect(decision?.candidates[0]?.passedOver).toBe('full');
    });

    it('does not where its slots are free too late, or others wait for them already', () => {
      expect(pick([full(400), snapshot('b')], long)?.nodeId).toBe('b');
      expect(pick([full(10), snapshot('b')], { ...long, waitingAhead: new Map([['a', 4]]) })?.nodeId).toBe(
        'b',
      );
    });

    it('waits for as long as it may and no longer', () => {
      expect(pick([full(10), snapshot('b')], { ...long, passedOverMs: 1500 })?.awaited?.mostMs).toBe(500);
      expect(pick([full(10), snapshot('b')], { ...long, passedOverMs: 2000 })?.nodeId).toBe('b');
    });

    it('does not where it said a moment ago that it has no slot', () => {
      const history = { failedOn: new Set<string>(), busyNodeId: 'a' };
      expect(pick([full(10), snapshot('b')], { ...long, history })?.nodeId).toBe('b');
    });
  });

  it('says what it expected of each', () => {
    expect(pick([snapshot('a'), snapshot('b', { cachedTokens: 400 })])?.candidates).toEqual([
      { nodeId: 'a', score: 0.5, expectedMs: 2000, cachedTokens: 0 },
      { nodeId: 'b', score: 1, expectedMs: 1000, cachedTokens: 400 },
    ]);
  });

  it('goes by free slots where nothing is known of the work', () => {
    const unknown = { promptTokens: 0, outputTokens: 0 };
    expect(pick([snapshot('a', { slotsFree: 1 }), snapshot('b', { slotsFree: 2 })], unknown)?.nodeId).toBe(
      'b',
    );
  });
});

describe('round-robin', () => {
  it('takes the one whose turn was the longest ago, and nobody twice because another is full', () => {
    const nodes = [
      snapshot('a', { lastClaim: 3 }),
      snapshot('b', { lastClaim: 1, slotsFree: 0 }),
      snapshot('c', { lastClaim: 2 }),
    ];
    expect(roundRobin(nodes, routingRequest())).toMatchObject({ nodeId: 'c', reason: 'turn' });
    expect(roundRobin([snapshot('b'), snapshot('a')], routingRequest()).nodeId).toBe('a');
  });
});
