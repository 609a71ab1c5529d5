import type { ApiKeySettings } from '../../protocol/apiKeys.js';
import { hasRoom } from './tokenNeed.js';
import type { TokenReservation } from './tokenReservation.js';

export type BudgetPeriod = 'day' | 'month';

/** What a key has used since the day and the month began, by UTC. */
export type Spent = Readonly<Record<BudgetPeriod, number>>;

export type Budgets = Pick<ApiKeySettings, 'tokensPerDay' | 'tokensPerMonth'>;

/** What the running requests of one key hold of its budgets, until they are among what was spent. */
export class TokenBudgets {
  readonly #running = new Set<TokenReservation>();

  /** Holds what the request needs, or says which budget has no room for it. */
  tryReserve(reservation: TokenReservation, budgets: Budgets, spent: Spent): BudgetPeriod | undefined {
    const held = this.held();
    const isShort = (period: BudgetPeriod, budget: number | null) =>
      budget !== null && !hasRoom(spent[period] + held, reservation.need, budget);
    if (isShort('month', budgets.tokensPerMonth)) return 'month';
    if (isShort('day', budgets.tokensPerDay)) return 'day';
    this.#running.add(reservation);
    return undefined;
  }

  /** What the request used has been added to what was spent. */
  end(reservation: TokenReservation): void {
    this.#running.delete(reservation);
  }

  /** With the prompts of running requests, which are counted as spent at their end. */
  held(): number {
    let held = 0;
    for (const reservation of this.#running) held += reservation.held + reservation.counted;
    return held;
  }
}
