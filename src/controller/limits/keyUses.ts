import { RequestLog } from './requestLog.js';
import { TokenBudgets } from './tokenBudgets.js';
import { TokenWindow } from './tokenWindow.js';

/** What one key does now and did shortly before, as far as its limits ask. */
export class KeyUse {
  readonly requests = new RequestLog();
  readonly tokens = new TokenWindow();
  readonly budgets = new TokenBudgets();
  #running = 0;

  /** @returns what gives the place back; undefined where all are taken. */
  tryEnter(limit: number): (() => void) | undefined {
    if (this.#running >= limit) return undefined;
    this.#running++;
    return () => void this.#running--;
  }
}

/** The use of each key since the controller started. */
export class KeyUses {
  readonly #uses = new Map<string, KeyUse>();

  of(keyId: string): KeyUse {
    let use = this.#uses.get(keyId);
    if (!use) this.#uses.set(keyId, (use = new KeyUse()));
    return use;
  }
}
