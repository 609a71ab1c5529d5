import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TokenBudgets } from '../../../../src/controller/limits/tokenBudgets.js';
import { TokenReservation } from '../../../../src/controller/limits/tokenReservation.js';

const reservationOf = (prompt: number, completion: number) =>
  new TokenReservation({ prompts: [prompt], completion, named: prompt + completion });

it('what is spent stays within both budgets, however many requests run beside each other', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('arrive' as const), prompt: fc.nat(200), completion: fc.nat(200) }),
    fc.record({
      type: fc.constant('end' as const),
      which: fc.nat(),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({ type: fc.constant('nextDay' as const) }),
  );
  fc.assert(
    fc.property(
      fc.nat(1_000),
      fc.nat(3_000),
      fc.array(step, { maxLength: 200 }),
      (perDay, perMonth, steps) => {
        const budgets = new TokenBudgets();
        const limits = { tokensPerDay: perDay, tokensPerMonth: perMonth };
        const spent = { day: 0, month: 0 };
        const running: TokenReservation[] = [];
        for (const taken of steps) {
          if (taken.type === 'nextDay') spent.day = 0;
          if (taken.type === 'arrive') {
            const reservation = reservationOf(taken.prompt, taken.completion);
            const refused = budgets.tryReserve(reservation, limits, spent);
            if (refused === undefined) running.push(reservation);
            else {
              const budget = refused === 'day' ? perDay : perMonth;
              expect(spent[refused] + budgets.held() + reservation.held).toBeGreaterThan(budget);
            }
          }
          if (taken.type === 'end') {
            const [reservation] = running.splice(taken.which % Math.max(1, running.length), 1);
            if (!reservation) continue;
            reservation.countPrompt(0, 0);
            const used = Math.floor(reservation.need.completion * taken.share);
            spent.day += used;
            spent.month += used;
            budgets.end(reservation);
          }
          expect(spent.day).toBeLessThanOrEqual(perDay);
          expect(spent.month).toBeLessThanOrEqual(perMonth);
        }
      },
    ),
  );
});

it('a prompt that was read is held until its request ends', () => {
  const budgets = new TokenBudgets();
  const reservation = reservationOf(100, 50);
  budgets.tryReserve(reservation, { tokensPerDay: 1_000, tokensPerMonth: null }, { day: 0, month: 0 });
  reservation.countPrompt(0, 30);
  expect(budgets.held()).toBe(80);
  budgets.end(reservation);
  expect(budgets.held()).toBe(0);
});

it('the budget that is short is named, the longer one first', () => {
  const budgets = new TokenBudgets();
  const ask = (day: number, month: number) =>
    budgets.tryReserve(reservationOf(10, 0), { tokensPerDay: 100, tokensPerMonth: 1_000 }, { day, month });
  expect(ask(95, 995)).toBe('month');
  expect(ask(95, 500)).toBe('day');
  expect(ask(90, 990)).toBeUndefined();
});
