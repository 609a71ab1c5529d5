import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costOf, FairLine, type Standing } from '../../../../src/cluster/queue/fairLine.js';
import { ranks, type Rank } from '../../../../src/cluster/queue/priorityClass.js';

const ageingMs = 1_000;

function createLine() {
  const line = new FairLine<Standing>(ageingMs);
  let sequence = 0;
  const add = (keyId: string, fields: Partial<Standing> = {}): Standing => {
    const entry: Standing = {
      keyId,
      weight: 1,
      rank: ranks.normal,
      wasPaused: false,
      cost: 1,
      sequence: sequence++,
      queuedAt: 0,
      ...fields,
    };
    line.add(entry);
    return entry;
  };
  /** Serves the one that is next. */
  const serve = (nowMs = 0): Standing | undefined => {
    const entry = line.inOrder(nowMs).next().value ?? undefined;
    if (entry) {
      line.charge(entry, entry.cost);
      line.delete(entry);
    }
    return entry;
  };
  return { line, add, serve };
}

const keysOf = (entries: readonly (Standing | undefined)[]) => entries.map((entry) => entry?.keyId).join('');

describe('keys', () => {
  it('take turns, however many requests one of them has', () => {
    const { add, serve } = createLine();
    for (let index = 0; index < 6; index++) add('a');
    for (let index = 0; index < 2; index++) add('b');
    expect(keysOf(Array.from({ length: 8 }, () => serve()))).toBe('ababaaaa');
  });

  it('take turns by weight and by work', () => {
    const { add, serve } = createLine();
    for (let index = 0; index < 6; index++) add('a', { weight: 2 });
    for (let index = 0; index < 6; index++) add('b');
    for (let index = 0; index < 6; index++) add('c', { cost: 2 });
    const first = Array.from({ length: 7 }, () => serve()?.keyId);
    expect(first.filter((key) => key === 'a')).toHaveLength(4);
    expect(first.filter((key) => key === 'b')).toHaveLength(2);
    expect(first.filter((key) => key === 'c')).toHaveLength(1);
  });

  it('save nothing up while they are away, and pay for what they had at once', () => {
    const { line, add, serve } = createLine();
    for (let index = 0; index < 100; index++) line.charge({ keyId: 'a', weight: 1 }, 1);
    for (let index = 0; index < 4; index++) add('b');
    for (let index = 0; index < 4; index++) add('a');
    expect(keysOf(Array.from({ length: 8 }, () => serve()))).toMatch(/^b(ab|ba)/);
  });

  it('pay for what a request did, where that is not what was expected', () => {
    const { line, add, serve } = createLine();
    for (let index = 0; index < 8; index++) {
      add('a');
      add('b');
    }
    const [first, second] = [serve(), serve()];
    expect(keysOf([first, second])).toBe('ab');
    // It was expected to do 1 and did 4.
    if (first) line.correct(first, 3);
    expect(keysOf(Array.from({ length: 5 }, () => serve()))).toBe('bbbab');
  });

  it('owe nothing any more when all is done', () => {
    const { line, add, serve } = createLine();
    line.charge({ keyId: 'a', weight: 1 }, 100);
    line.rest();
    add('a');
    add('b');
    expect(keysOf([serve(), serve()])).toBe('ab');
  });

  it('get their shares while all of them wait: a greedy one at most 1.2 times its own', () => {
    const key = fc.record({
      weight: fc.integer({ min: 1, max: 8 }),
      maxCost: fc.integer({ min: 1, max: 50 }),
    });
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 2, maxLength: 6 }),
        fc.infiniteStream(fc.nat(999)),
        (keys, random) => {
          const { add, serve } = createLine();
          const draw = () => Number(random.next().value);
          const enter = (index: number) => {
            const { weight, maxCost } = keys[index] ?? { weight: 1, maxCost: 1 };
            add(String(index), { weight, cost: 1 + (draw() % maxCost) });
          };
          // The first is greedy: ten times as many wait.
          for (const index of keys.keys())
            for (let count = index === 0 ? 20 : 2; count > 0; count--) enter(index);
          const served = keys.map(() => 0);
          const total = 40 * keys.reduce((sum, { maxCost }) => sum + maxCost, 0) * keys.length;
          let sum = 0;
          while (sum < total) {
            const { keyId, cost } = serve() as Standing;
            sum += cost;
            served[Number(keyId)] = (served[Number(keyId)] ?? 0) + cost;
            enter(Number(keyId));
          }
          const weights = keys.reduce((all, { weight }) => all + weight, 0);
          for (const [index, { weight }] of keys.entries()) {
            const share = (sum * weight) / weights;
            expect((served[index] ?? 0) / share).toBeLessThanOrEqual(1.2);
          }
          // And the difference of any two stays below what one request of each is worth (Goyal, Vin, Cheng 1996).
          for (const [a, { weight, maxCost }] of keys.entries()) {
            for (const [b, other] of keys.entries()) {
              const gap = Math.abs((served[a] ?? 0) / weight - (served[b] ?? 0) / other.weight);
              expect(gap).toBeLessThanOrEqual(maxCost / weight + other.maxCost / other.weight + 1e-6);
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('classes', () => {
  it('go one after another', () => {
    const { add, serve } = createLine();
    const [batch, normal, urgent] = [
      add('a', { rank: ranks.batch }),
      add('b'),
      add('a', { rank: ranks.interactive }),
    ];
    expect([serve(), serve(), serve()]).toEqual([urgent, normal, batch]);
  });

  it('are left behind by waiting: a class for each step', () => {
    const { add, serve } = createLine();
    const batch = add('a', { rank: ranks.batch, queuedAt: 0 });
    const normal = add('b', { queuedAt: 900 });
    const urgent = add('c', { rank: ranks.interactive, queuedAt: 1_900 });
    // After 2 s all three count as interactive or stand one below: the key that waited longest is first.
    expect([serve(2_000), serve(2_000), serve(2_000)]).toEqual([batch, normal, urgent]);
  });

  it('let what was paused go on before what has not begun', () => {
    const { add, serve } = createLine();
    const fresh = add('a', { rank: ranks.batch });
    const paused = add('a', { rank: ranks.batch, wasPaused: true });
    expect([serve(), serve()]).toEqual([paused, fresh]);
  });
});

describe('an order', () => {
  const arrival = fc.record({
    keyId: fc.constantFrom('a', 'b', 'c'),
    rank: fc.constantFrom<Rank>(0, 1, 2),
    cost: fc.integer({ min: 1, max: 20 }),
    waitedMs: fc.nat(3_000),
  });

  it('is that in which they are served, all of them once, and of one key and class by arrival', () => {
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 40 }), (arrivals) => {
        const { line, add, serve } = createLine();
        const byAge = arrivals.toSorted((a, b) => b.waitedMs - a.waitedMs);
        const entries = byAge.map(({ waitedMs, ...fields }) =>
          add(fields.keyId, { ...fields, queuedAt: 3_000 - waitedMs }),
        );
        const told = [...line.inOrder(3_000)];
        expect(new Set(told)).toEqual(new Set(entries));
        expect(told).toHaveLength(entries.length);
        for (const [place, entry] of told.entries()) {
          const earlier = told
            .slice(0, place)
            .filter(({ keyId, rank }) => keyId === entry.keyId && rank === entry.rank);
          expect(earlier.every(({ sequence }) => sequence < entry.sequence)).toBe(true);
        }
        expect(entries.map(() => serve(3_000))).toEqual(told);
        expect(line.size).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  /**
   * The bound: once it has aged, a request is behind its own key's older ones, and of every other key behind so much
   * work as its key has in front and one request more, by weight.
   */
  it('starves nobody: one that has aged is served within a bound, whatever else comes', () => {
    const stream = fc.infiniteStream(
      fc.tuple(fc.constantFrom('x', 'y', 'z'), fc.integer({ min: 1, max: 10 })),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 1, max: 10 }),
        stream,
        (ahead, cost, others) => {
          const { add, serve } = createLine();
          let nowMs = 0;
          const flood = () => {
            const [keyId, work] = others.next().value as [string, number];
            add(keyId, { rank: ranks.interactive, cost: work, queuedAt: nowMs });
          };
          for (let count = 0; count < 30; count++) flood();
          for (let count = 0; count < ahead; count++) add('batch', { rank: ranks.batch, cost, queuedAt: 0 });
          const waiter = add('batch', { rank: ranks.batch, cost, queuedAt: 0 });
          while (nowMs < 2 * ageingMs) {
            serve(nowMs);
            flood();
            nowMs += 100;
          }
          const bound = (ahead + 1) * (1 + 3 * (cost + 10));
          let grants = 0;
          for (let served = serve(nowMs); served !== waiter; served = serve(nowMs)) {
            flood();
            nowMs += 100;
            expect(++grants).toBeLessThanOrEqual(bound);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

it('work counts what is read for a quarter of what is written', () => {
  expect(costOf({ promptTokens: 400, outputTokens: 100 })).toBe(200);
  expect(costOf({ promptTokens: 0, outputTokens: 0 })).toBe(1);
});
