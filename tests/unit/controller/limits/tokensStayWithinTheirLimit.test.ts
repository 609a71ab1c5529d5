import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { totalOf, type TokenNeed } from '../../../../src/controller/limits/tokenNeed.js';
import { TokenReservation } from '../../../../src/controller/limits/tokenReservation.js';
import { TokenWindow } from '../../../../src/controller/limits/tokenWindow.js';
import { windowMs } from '../../../../src/controller/limits/window.js';

const arrival = fc.record({
  type: fc.constant('arrive' as const),
  prompts: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 3 }),
  completion: fc.integer({ min: 0, max: 300 }),
  /** Whether the prompts came as tokens. */
  isNamed: fc.boolean(),
});
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: arrival },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('read' as const), which: fc.nat() }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('end' as const),
        which: fc.nat(),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('wait' as const),
        ms: fc.constantFrom(1, 40, 777, windowMs / 3, windowMs - 1, windowMs),
      }),
    },
  ),
  { maxLength: 150 },
);

interface Running {
  readonly reservation: TokenReservation;
  readonly need: TokenNeed;
  /** What of it was read already. */
  promptTokens: number;
  generated: number;
  prompt: number;
}

/** Runs the steps; `growth` lets answers be longer than what was reserved for them. */
function simulate(limit: number, taken: readonly Step[], growth = 0) {
  const window = new TokenWindow();
  const running: Running[] = [];
  const counted: { readonly at: number; readonly tokens: number }[] = [];
  let [now, overshoot, largest] = [0, 0, limit];
  const count = (tokens: number) => counted.push({ at: now, tokens });

  for (const step of taken) {
    const current = 'which' in step ? running[step.which % Math.max(1, running.length)] : undefined;
    if (step.type === 'wait') now += step.ms;
    if (step.type === 'arrive') {
      const { prompts, completion, isNamed } = step;
      const need = {
        prompts,
        completion,
        named: completion + (isNamed ? totalOf({ prompts, completion: 0 }) : 0),
      };
      const one = { need, promptTokens: 0, generated: 0, prompt: 0 };
      const reservation = new TokenReservation(need, () => one.generated);
      const before = window.taken(now);
      if (!window.tryReserve(reservation, limit, now)) {
        expect(before + totalOf(need)).toBeGreaterThan(limit);
        continue;
      }
      if (totalOf(need) > limit) expect(before).toBe(0);
      largest = Math.max(largest, totalOf(need));
      running.push(Object.assign(one, { reservation }));
    }
    if (step.type === 'read' && current && current.prompt < current.need.prompts.length) {
      const tokens = Math.ceil((current.need.prompts[current.prompt] ?? 0) / 4);
      window.countPrompt(current.reservation, current.prompt++, tokens, now);
      current.promptTokens += tokens;
      current.generated = current.need.completion + growth;
      count(tokens);
    }
    if (step.type === 'end' && current) {
      running.splice(running.indexOf(current), 1);
      const completion = growth > 0 ? current.generated : Math.floor(current.need.completion * step.share);
      overshoot += Math.max(0, completion - current.need.completion);
      window.end(current.reservation, current.promptTokens + completion, now);
      window.end(current.reservation, current.promptTokens + completion, now);
      count(completion);
    }
    if (growth === 0) expect(window.taken(now)).toBeLessThanOrEqual(largest);
  }
  const windows = counted.map(({ at: start }) =>
    counted
      .filter(({ at }) => at >= start && at <= start + windowMs)
      .reduce((sum, { tokens }) => sum + tokens, 0),
  );
  return { window, running, now, overshoot, largest, most: Math.max(0, ...windows) };
}

type Step = typeof steps extends fc.Arbitrary<readonly (infer One)[]> ? One : never;

describe('tokens of a key', () => {
  it('are never more than the limit in any window, or than the one request that alone may be larger', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 2_000 }), steps, (limit, taken) => {
        const { most, largest } = simulate(limit, taken);
        expect(most).toBeLessThanOrEqual(largest);
      }),
    );
  });

  it('are more only by what answers without a bound were longer than expected', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 2_000 }), steps, (limit, taken) => {
        const { most, largest, overshoot } = simulate(limit, taken, 500);
        expect(most).toBeLessThanOrEqual(largest + overshoot);
      }),
    );
  });

  it('are all forgotten a window after the last request', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const { window, running, now } = simulate(1_000, taken);
        for (const { reservation, promptTokens } of running) window.end(reservation, promptTokens, now);
        const emptyInMs = window.emptyInMs(now);
        expect(emptyInMs).toBeLessThanOrEqual(windowMs + 60);
        expect(window.taken(now + emptyInMs)).toBe(0);
      }),
    );
  });
});

const needOf = (prompt: number, completion: number, named = completion): TokenNeed => ({
  prompts: [prompt],
  completion,
  named,
});

describe('a request', () => {
  it('gives back what it did not need as soon as that is known', () => {
    const window = new TokenWindow();
    const reservation = new TokenReservation(needOf(400, 100));
    expect(window.tryReserve(reservation, 500, 0)).toBe(true);
    expect(window.taken(0)).toBe(500);
    window.countPrompt(reservation, 0, 90, 10);
    expect(window.taken(10)).toBe(190);
    window.end(reservation, 90 + 20, 5_000);
    expect(window.taken(5_000)).toBe(110);
    expect(window.taken(windowMs + 1_000)).toBe(20);
    expect(window.taken(windowMs + 5_100)).toBe(0);
  });

  it('that is too large by an estimate alone runs when nothing else counts; by what it named it never does', () => {
    const window = new TokenWindow();
    const small = new TokenReservation(needOf(10, 0));
    expect(window.tryReserve(small, 100, 0)).toBe(true);
    expect(window.tryReserve(new TokenReservation(needOf(400, 50)), 100, 0)).toBe(false);
    window.end(small, 0, 1);
    expect(window.tryReserve(new TokenReservation(needOf(0, 101)), 100, 2)).toBe(false);
    expect(window.tryReserve(new TokenReservation(needOf(400, 50)), 100, 2)).toBe(true);
    expect(window.tryReserve(new TokenReservation(needOf(1, 0)), 100, 3)).toBe(false);
  });

  it('holds what it has generated where that is more than was expected', () => {
    const window = new TokenWindow();
    let generated = 0;
    window.tryReserve(new TokenReservation(needOf(10, 20), () => generated), 100, 0);
    expect(window.taken(0)).toBe(30);
    generated = 95;
    expect(window.taken(0)).toBe(105);
  });

  it('is told when there is room for it', () => {
    const window = new TokenWindow();
    for (const [now, tokens] of [
      [0, 60],
      [10_000, 30],
    ] as const) {
      const reservation = new TokenReservation(needOf(tokens, 0));
      window.tryReserve(reservation, 100, now);
      window.end(reservation, tokens, now);
    }
    const room = window.roomInMs(needOf(50, 0), 100, 20_000);
    expect(room).toBeGreaterThan(40_000);
    expect(room).toBeLessThanOrEqual(40_060);
    expect(window.roomInMs(needOf(10, 0), 100, 20_000)).toBe(0);
    expect(window.tryReserve(new TokenReservation(needOf(50, 0)), 100, 20_000 + room)).toBe(true);
    expect(window.roomInMs(needOf(80, 0), 100, 20_000 + room)).toBe(1_000);
  });
});
