import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toStageTimes } from '../../../src/controller/stageTimes.js';

it('each part ends where the next begins', () => {
  const stages = toStageTimes({
    arrivedAt: 100,
    authenticatedAt: 101,
    queuedAt: 103,
    leasedAt: 110,
    acceptedAt: 115,
    firstTokenAt: 215,
    lastTokenAt: 1_215,
    endedAt: 1_216,
  });
  expect(Object.fromEntries(stages)).toEqual({
    auth: 1,
    parse: 2,
    admission_queue: 7,
    connect: 5,
    prefill: 100,
    decode: 1_000,
    finish: 1,
  });
});

it('a part that was not seen belongs to the one behind it', () => {
  const stages = toStageTimes({ arrivedAt: 0, authenticatedAt: 1, leasedAt: 5, lastTokenAt: 9, endedAt: 10 });
  expect(Object.fromEntries(stages)).toEqual({ auth: 1, admission_queue: 4, decode: 4, finish: 1 });
});

it('together they are the whole time, whatever is known of it', () => {
  const step = fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: undefined });
  fc.assert(
    fc.property(
      fc.tuple(step, step, step, step, step, step),
      fc.integer({ min: 0, max: 50 }),
      (steps, last) => {
        let now = 1_000;
        const [authenticatedAt, queuedAt, leasedAt, acceptedAt, firstTokenAt, lastTokenAt] = steps.map(
          (ms) => (ms === undefined ? undefined : (now += ms)),
        );
        const endedAt = now + last;
        const times = { authenticatedAt, queuedAt, leasedAt, acceptedAt, firstTokenAt, lastTokenAt };
        const stages = toStageTimes({ arrivedAt: 1_000, ...times, endedAt });
        expect([...stages.values()].reduce((sum, ms) => sum + ms, 0)).toBe(endedAt - 1_000);
      },
    ),
  );
});
