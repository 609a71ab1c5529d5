/** A worker died while it read this request, or before it had made a new token for it. */
export interface SuspectDeath {
  /** Of the request's content. */
  readonly fingerprint: string;
  readonly requestId: string;
  /** The process that died. */
  readonly instanceId: string;
  /** When the request was sent there. */
  readonly startedAtMs: number;
}

export type Suspicion = 'none' | 'suspect' | 'quarantined';

interface Entry {
  readonly deaths: { readonly instanceId: string; readonly requestId: string; readonly atMs: number }[];
  isQuarantined: boolean;
  expiresAtMs: number;
}

export interface PoisonLedgerOptions {
  readonly maxEntries?: number;
  /** How long a suspicion, or a quarantine, lasts. */
  readonly lastsMs?: number;
}

/**
 * Which requests workers died of, by the content of the request, so that a client that tries again is known. A
 * request is under suspicion after one death and quarantined after two. Pure: takes the time, does nothing.
 *
 * Innocent requests die with a guilty one, and workers die of other things. So:
 * - a token that is made after all ends a suspicion, whoever asked for it;
 * - of requests with the same content that ran at the same time, the deaths count once: only what was sent after a
 *   death was known, or belongs to the same request of a client, is a second try;
 * - a death that brings one request into quarantine is explained by that one, and not held against others.
 */
export class PoisonLedger {
  /** In the order of the last death. */
  readonly #entries = new Map<string, Entry>();
  readonly #maxEntries: number;
  readonly #lastsMs: number;

  constructor({ maxEntries = 1_000, lastsMs = 10 * 60_000 }: PoisonLedgerOptions = {}) {
    this.#maxEntries = maxEntries;
    this.#lastsMs = lastsMs;
  }

  /** Nothing is under suspicion: no fingerprint has to be made. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  suspicionOf(fingerprint: string, nowMs: number): Suspicion {
    const entry = this.#entries.get(fingerprint);
    if (!entry) return 'none';
    if (nowMs >= entry.expiresAtMs) {
      this.#entries.delete(fingerprint);
      return 'none';
    }
    return entry.isQuarantined ? 'quarantined' : 'suspect';
  }

  /** @returns whether this is the death that brings the request into quarantine. */
  noteDeath({ fingerprint, requestId, instanceId, startedAtMs }: SuspectDeath, nowMs: number): boolean {
    const isKnown = this.suspicionOf(fingerprint, nowMs) !== 'none';
    const entry = (isKnown && this.#entries.get(fingerprint)) || this.#newEntry();
    if (entry.deaths.some((death) => death.instanceId === instanceId)) return false;
    const isSecondTry = entry.deaths.some(
      (death) => death.requestId === requestId || death.atMs <= startedAtMs,
    );
    entry.deaths.push({ instanceId, requestId, atMs: nowMs });
    entry.expiresAtMs = nowMs + this.#lastsMs;
    this.#entries.delete(fingerprint);
    this.#entries.set(fingerprint, entry);
    const isConvicted = isSecondTry && !entry.isQuarantined;
    if (isConvicted) {
      entry.isQuarantined = true;
      this.#explain(instanceId);
    }
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries) break;
      this.#entries.delete(oldest);
    }
    return isConvicted;
  }

  /** This process died of nothing that it computed. */
  absolve(instanceId: string): void {
    for (const [fingerprint, entry] of this.#entries) {
      const { deaths } = entry;
      const place = deaths.findIndex((death) => death.instanceId === instanceId);
      if (place < 0) continue;
      deaths.splice(place, 1);
      if (deaths.length < 2) entry.isQuarantined = false;
      if (deaths.length === 0) this.#entries.delete(fingerprint);
    }
  }

  /** A worker has made a token for it. */
  noteProgress(fingerprint: string): void {
    this.#entries.delete(fingerprint);
  }

  #newEntry(): Entry {
    return { deaths: [], isQuarantined: false, expiresAtMs: 0 };
  }

  #explain(instanceId: string): void {
    for (const [fingerprint, { deaths, isQuarantined }] of this.#entries) {
      if (isQuarantined) continue;
      const place = deaths.findIndex((death) => death.instanceId === instanceId);
      if (place >= 0) deaths.splice(place, 1);
      if (deaths.length === 0) this.#entries.delete(fingerprint);
    }
  }
}
