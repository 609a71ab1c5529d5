import type { ControllerEvents } from '../../observability/events.js';
import type { ApiKey } from '../../protocol/apiKeys.js';
import type { UsageStore, Use } from '../../stores/usageStore.js';
import type { KeyUses } from './keyUses.js';
import { budgetUsedUp, tokenLimitReached } from './limitErrors.js';
import type { TokenNeed } from './tokenNeed.js';
import { TokenReservation } from './tokenReservation.js';

/** What one inference request holds of the limits of its key, and what it has used. */
export interface Account {
  /**
   * Holds what the request may use, where its key has limits that ask.
   *
   * @param completionSoFar tells at any time how much the request has generated.
   * @throws ApiError (429) where there is no room.
   */
  reserve(toNeed: () => TokenNeed, completionSoFar?: () => number): void;
  /** One of the prompts has been read by a worker. */
  countPrompt(prompt: number, tokens: number): void;
  /** The request has ended: writes its usage, and gives back what it did not need. */
  settle(use: Omit<Use, 'key'>): void;
  /** The request comes to nothing, and is not counted. */
  release(): void;
}

export interface AccountHolder {
  readonly keyId: string;
  /** Undefined: no limits. */
  readonly key: ApiKey | undefined;
  /** A line of a batch runs in what others leave: only the budgets of its key limit it. */
  readonly isBatchLine: boolean;
}

export interface AccountsDeps {
  readonly usage: Pick<UsageStore, 'record' | 'spent'>;
  readonly uses: KeyUses;
  readonly events: Pick<ControllerEvents, 'keyLimitReached' | 'usageLost'>;
  /** Of a clock that never jumps. */
  readonly now: () => number;
}

/** Opens the account of a request. */
export type OpenAccount = (holder: AccountHolder) => Account;

export function createAccounts({ usage, uses, events, now }: AccountsDeps): OpenAccount {
  return ({ keyId, key, isBatchLine }) => {
    const tokensPerMinute = isBatchLine ? null : (key?.tokensPerMinute ?? null);
    const hasBudget = key !== undefined && (key.tokensPerDay ?? key.tokensPerMonth) !== null;
    const use = uses.of(keyId);
    let reservation: TokenReservation | undefined;
    let isClosed = false;

    function end(tokens: number): void {
      isClosed = true;
      if (!reservation) return;
      use.tokens.end(reservation, tokens, now());
      use.budgets.end(reservation);
      reservation = undefined;
    }

    return {
      reserve(toNeed, completionSoFar) {
        // A client that has left already runs nothing any more.
        if (!key || isClosed || (tokensPerMinute === null && !hasBudget)) return;
        const need = toNeed();
        const wanted = new TokenReservation(need, completionSoFar);
        const short = hasBudget ? use.budgets.tryReserve(wanted, key, usage.spent(keyId)) : undefined;
        if (short) {
          events.keyLimitReached(keyId);
          throw budgetUsedUp(need, key, short);
        }
        if (tokensPerMinute !== null && !use.tokens.tryReserve(wanted, tokensPerMinute, now())) {
          use.budgets.end(wanted);
          events.keyLimitReached(keyId);
          throw tokenLimitReached(need, tokensPerMinute, use.tokens.roomInMs(need, tokensPerMinute, now()));
        }
        reservation = wanted;
      },
      countPrompt(prompt, tokens) {
        if (reservation) use.tokens.countPrompt(reservation, prompt, tokens, now());
      },
      settle(used) {
        try {
          usage.record({ key: keyId, ...used });
        } catch (error) {
          events.usageLost({ keyId, ...used, error });
        }
        end(used.promptTokens + used.completionTokens);
      },
      release: () => end(0),
    };
  };
}
