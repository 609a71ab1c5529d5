import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admitNodes, type AdmissionFacts } from '../../../src/cluster/admission.js';
import {
  addSample,
  eject,
  findOutlier,
  isPanic,
  minVolume,
  noSamples,
  perPromptToken,
  type Measure,
  type Samples,
} from '../../../src/cluster/outlierDetection.js';

/** Two a second, where nothing else is said. */
function samples(measure: Measure, values: readonly number[], load = 1, apartMs = 500): Samples {
  return values.reduce<Samples>(
    (all, value, index) => addSample(all, measure, { atMs: index * apartMs, value, load }),
    noSamples,
  );
}
const steady = (measure: Measure, value: number, count = minVolume, load = 1) =>
  samples(measure, new Array<number>(count).fill(value), load);
const nowMs = 10_000;

describe('a node is an outlier', () => {
  it.each([
    ['firstToken', 5, 16, 'slow_first_token'],
    ['nextTokens', 20, 61, 'slow_tokens'],
    ['failures', 0, 0.25, 'failures'],
  ] as const)(
    'where its %s is more than three times that of its peers',
    (measure, typical, worse, reason) => {
      const own =
        measure === 'failures'
          ? samples(
              measure,
              Array.from({ length: 20 }, (_, index) => Number(index % 4 === 0)),
            )
          : steady(measure, worse);
      expect(findOutlier(own, [steady(measure, typical)], nowMs)).toBe(reason);
      expect(findOutlier(steady(measure, typical * 3), [steady(measure, typical)], nowMs)).toBeUndefined();
    },
  );

  it('by its 95th percentile: one slow request of twenty is none of its faults', () => {
    const slowOnes = (count: number) =>
      samples(
        'firstToken',
        // Each in a second of its own.
        Array.from({ length: 60 }, (_, index) => (index < 2 * count && index % 2 === 0 ? 500 : 5)),
      );
    expect(findOutlier(slowOnes(3), [steady('firstToken', 5)], 30_000)).toBeUndefined();
    expect(findOutlier(slowOnes(4), [steady('firstToken', 5)], 30_000)).toBe('slow_first_token');
  });

  it('where it was so in three different seconds: what hits many requests in one moment is over', () => {
    const badSeconds = (count: number) =>
      samples(
        'firstToken',
        Array.from({ length: 20 }, (_, index) => (index < 2 * count ? 500 : 5)),
      );
    expect(findOutlier(badSeconds(2), [steady('firstToken', 5)], nowMs)).toBeUndefined();
    expect(findOutlier(badSeconds(3), [steady('firstToken', 5)], nowMs)).toBe('slow_first_token');
    const failed = (apartMs: number) => samples('failures', new Array<number>(20).fill(1), 1, apartMs);
    expect(findOutlier(failed(10), [steady('failures', 0)], nowMs)).toBeUndefined();
    expect(findOutlier(failed(500), [steady('failures', 0)], nowMs)).toBe('failures');
  });

  it('only with enough samples, of itself and of a peer, of the last minute', () => {
    const slow = steady('firstToken', 100);
    expect(findOutlier(steady('firstToken', 100, 19), [steady('firstToken', 5)], nowMs)).toBeUndefined();
    expect(findOutlier(slow, [steady('firstToken', 5, 19)], nowMs)).toBeUndefined();
    expect(findOutlier(slow, [], nowMs)).toBeUndefined();
    expect(findOutlier(slow, [steady('firstToken', 5)], nowMs + 60_000)).toBeUndefined();
  });

  it('not where all are as slow, or the difference is the noise of fast machines', () => {
    const slow = steady('firstToken', 1_000);
    expect(findOutlier(slow, [slow, slow], nowMs)).toBeUndefined();
    expect(findOutlier(steady('firstToken', 1.9), [steady('firstToken', 0.01)], nowMs)).toBeUndefined();
  });

  it('not where it is slower by as much as it has more to do', () => {
    const peers = [steady('nextTokens', 20, 20, 2)];
    expect(findOutlier(steady('nextTokens', 200, 20, 8), peers, nowMs)).toBeUndefined();
    expect(findOutlier(steady('nextTokens', 250, 20, 8), peers, nowMs)).toBe('slow_tokens');
  });

  it('by the time for each token that had to be read: long prompts are no fault', () => {
    expect(perPromptToken(2_000, 1_000)).toBe(2);
    expect(perPromptToken(64, 3)).toBe(1);
  });
});

describe('an ejection', () => {
  it('lasts 30 s, longer each time, and is forgotten after five good minutes', () => {
    const first = eject(undefined, 'failures', 0);
    expect(first.untilMs).toBe(30_000);
    const second = eject(first, 'failures', 40_000);
    expect(second.untilMs - 40_000).toBe(60_000);
    expect(eject(second, 'failures', second.untilMs + 299_999).times).toBe(3);
    expect(eject(second, 'failures', second.untilMs + 300_000).times).toBe(1);
    expect(eject({ ...second, times: 50 }, 'failures', 0).untilMs).toBe(300_000);
  });

  it('is ignored where more than half would be left out', () => {
    const nodes = (ejected: number, total: number) =>
      Array.from({ length: total }, (_, index) => ({ isEjected: index < ejected }));
    expect(isPanic(nodes(1, 1))).toBe(true);
    expect(isPanic(nodes(1, 2))).toBe(false);
    expect(isPanic(nodes(1, 3))).toBe(false);
    expect(isPanic(nodes(2, 3))).toBe(true);
  });
});

const facts: fc.Arbitrary<AdmissionFacts> = fc
  .record({
    isUp: fc.boolean(),
    breaker: fc.constantFrom('closed', 'open', 'due', 'halfOpen'),
    isEjected: fc.boolean(),
    isDoubtful: fc.boolean(),
    readySinceMs: fc.nat(100_000),
  })
  .map(({ breaker, ...rest }) => ({
    ...rest,
    passes: breaker === 'closed' ? 'all' : breaker === 'due' ? 'trial' : 'none',
    canBeTried: breaker === 'open' || breaker === 'due',
  }));
const well: AdmissionFacts = {
  isUp: true,
  passes: 'all',
  canBeTried: false,
  isEjected: false,
  isDoubtful: false,
  readySinceMs: 0,
};
const kindsOf = (nodes: readonly AdmissionFacts[]) => admitNodes(nodes, 0).map(({ kind }) => kind);

describe('which nodes take requests', () => {
  it('is never none where one could', () => {
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 6 }), (nodes) => {
        const admitted = admitNodes(nodes, 200_000);
        const couldAny = nodes.some(
          ({ isUp, passes, canBeTried }) => isUp && (passes !== 'none' || canBeTried),
        );
        expect(admitted.some(({ kind }) => kind !== 'none')).toBe(couldAny);
        for (const [index, { kind }] of admitted.entries()) {
          const { isUp, passes } = nodes[index] as AdmissionFacts;
          if (kind !== 'none') expect(isUp).toBe(true);
          expect(kind === 'full').toBe(kind !== 'none' && passes === 'all');
        }
        // Where a well-behaved one is there, the others are left alone unless they are the majority.
        const isAnyWell = nodes.some(
          (node) => node.isUp && node.passes === 'all' && !node.isDoubtful && !node.isEjected,
        );
        if (isAnyWell && !isPanic(nodes.filter(({ isUp, passes }) => isUp && passes !== 'none')))
          for (const [index, { kind }] of admitted.entries())
            if (nodes[index]?.isEjected || nodes[index]?.isDoubtful) expect(kind).toBe('none');
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves out the ejected one of two, and neither where both are', () => {
    const ejected = { ...well, isEjected: true };
    expect(kindsOf([ejected, well])).toEqual(['none', 'full']);
    expect(kindsOf([ejected, ejected])).toEqual(['full', 'full']);
    expect(kindsOf([ejected])).toEqual(['full']);
    expect(kindsOf([ejected, { ...well, isUp: false }])).toEqual(['full', 'none']);
  });

  it('avoids a node whose last probe failed as long as another one answers', () => {
    const doubtful = { ...well, isDoubtful: true };
    expect(kindsOf([doubtful, well])).toEqual(['none', 'full']);
    expect(kindsOf([doubtful, doubtful])).toEqual(['full', 'full']);
  });

  it('tries one request at a time where every breaker is open, and waits for none', () => {
    const open = { ...well, passes: 'none', canBeTried: true } as const;
    expect(kindsOf([open])).toEqual(['trial']);
    expect(kindsOf([open, well])).toEqual(['none', 'full']);
    expect(kindsOf([{ ...open, canBeTried: false }])).toEqual(['none']);
  });
});
