import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeSnapshot, OutstandingWork } from '../../../src/routing/nodeSnapshot.js';
import { loadBound, prefixAware } from '../../../src/routing/prefixAware.js';
import { normalSpeed, routingRequest, snapshot } from '../../support/nodeSnapshots.js';

const soloMs = ({ prefillTokens, decodeTokens }: OutstandingWork) =>
  (prefillTokens / normalSpeed.prefillTokensPerSecond + decodeTokens / normalSpeed.decodeTokensPerSecond) *
  1000;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** What an adversary does: sends a prompt that some nodes hold some of, or lets a request of a node end. */
const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('send' as const),
      promptTokens: fc.integer({ min: 0, max: 4000 }),
      outputTokens: fc.integer({ min: 0, max: 400 }),
      /** The node that holds all of the prompt, and the share that the others hold. */
      hot: fc.nat(),
      share: fc.constantFrom(0, 0.5, 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('end' as const), node: fc.nat(), which: fc.nat() }) },
);

describe('the load of a node', () => {
  it('stays below its bound, whatever the prompts are, who holds them and which requests end', () => {
    const nodeCounts = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(nodeCounts, fc.array(action, { maxLength: 120 }), (count, actions) => {
        const running: OutstandingWork[][] = Array.from({ length: count }, () => []);
        for (const step of actions) {
          if (step.type === 'end') {
            const works = running[step.node % count] ?? [];
            works.splice(step.which % Math.max(1, works.length), 1);
            continue;
          }
          const { promptTokens, outputTokens, hot, share } = step;
          const nodes = running.map((works, index): NodeSnapshot => {
            const cachedTokens = Math.floor(promptTokens * (index === hot % count ? 1 : share * 0.5));
            return snapshot(`n${index}`, {
              slotsTotal: 1000,
              slotsFree: 1000 - works.length,
              running: works,
              cachedTokens,
            });
          });
          const before = nodes.map(({ running: works }) => sum(works.map(soloMs)));
          const { nodeId } = prefixAware(nodes, routingRequest({ promptTokens, outputTokens }));
          const chosen = nodes.findIndex((node) => node.nodeId === nodeId);
          const own = soloMs({ prefillTokens: promptTokens, decodeTokens: outputTokens });
          const bound = (loadBound * (sum(before) + own)) / count + own;
          expect(before[chosen]).toBeLessThanOrEqual(bound + 1e-6);
          running[chosen]?.push({
            prefillTokens: promptTokens - (nodes[chosen]?.cachedTokens ?? 0),
            decodeTokens: outputTokens,
          });
        }
      }),
    );
  });

  it('is within a third of the mean where one prompt is all that is ever sent and one node holds it', () => {
    const running: OutstandingWork[][] = Array.from({ length: 8 }, () => []);
    for (let request = 0; request < 800; request++) {
      const nodes = running.map((works, index) =>
        snapshot(`n${index}`, {
          slotsTotal: 1000,
          slotsFree: 1000 - works.length,
          running: works,
          cachedTokens: index === 0 ? 1000 : 0,
        }),
      );
      const { nodeId } = prefixAware(nodes, routingRequest({ promptTokens: 1000, outputTokens: 100 }));
      const chosen = nodes.findIndex((node) => node.nodeId === nodeId);
      running[chosen]?.push({ prefillTokens: chosen === 0 ? 0 : 1000, decodeTokens: 100 });
    }
    const loads = running.map((works) => sum(works.map(soloMs)));
    expect(Math.max(...loads) / (sum(loads) / loads.length)).toBeLessThan(1.33);
  });
});

/** Nodes that really work: everything on one gets on at the same time, more slowly the more it is. */
function runClosedLoop(
  speeds: readonly number[],
  options: { concurrency: number; requests: number },
): number[] {
  const nodes = speeds.map((speed) => ({ speed, given: 0, left: [] as number[] }));
  const pace = (node: (typeof nodes)[number]) =>
    node.speed / (1 + normalSpeed.batchSlowdown * Math.max(0, node.left.length - 1));
  for (let sent = 0; sent < options.requests;) {
    while (sum(nodes.map(({ left }) => left.length)) < options.concurrency) {
      const snapshots = nodes.map(({ speed, left, given }, index) =>
        snapshot(`n${index}`, {
          slotsTotal: 8,
          slotsFree: 8 - left.length,
          claims: given,
          speed: {
            ...normalSpeed,
            prefillTokensPerSecond: 400 * speed,
            decodeTokensPerSecond: 40 * speed,
          },
          running: left.map((ms) => ({ prefillTokens: 0, decodeTokens: (ms / 1000) * 40 })),
        }),
      );
      const { nodeId } = prefixAware(
        snapshots,
        routingRequest({ promptTokens: 0, outputTokens: 40 + (sent % 7) * 10 }),
      );
      const node = nodes.find((_, index) => `n${index}` === nodeId);
      node?.left.push(1000 + (sent % 7) * 250);
      if (node) node.given++;
      sent++;
    }
    const step = Math.min(...nodes.flatMap((node) => node.left.map((ms) => ms / pace(node))));
    for (const node of nodes) {
      const done = step * pace(node);
      node.left = node.left.map((ms) => ms - done).filter((ms) => ms > 1e-6);
    }
  }
  return nodes.map(({ given }) => given);
}

describe('unequal machines', () => {
  it.each([8, 12])('share the work as their speeds are, with %d requests at once', (concurrency) => {
    const [slow = 0, fast = 0] = runClosedLoop([1, 2], { concurrency, requests: 3000 });
    expect(fast / slow).toBeGreaterThan(1.5);
    expect(fast / slow).toBeLessThan(2.8);
  });

  it('that are equal after all share it equally', () => {
    const given = runClosedLoop([1, 1, 1], { concurrency: 9, requests: 3000 });
    for (const count of given) expect(Math.abs(count - 1000)).toBeLessThan(60);
  });
});
