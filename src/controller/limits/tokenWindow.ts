import { hasRoom, type TokenNeed } from './tokenNeed.js';
import type { TokenReservation } from './tokenReservation.js';
import { windowMs } from './window.js';

/** What is counted within so long is one entry, which leaves with its last part: about a thousand entries at most. */
const grainMs = windowMs / 1_000;
/** Of room that comes when a request ends, nobody knows when. */
const soonMs = 1_000;

interface Entry {
  readonly leavesAtMs: number;
  tokens: number;
}

/**
 * The tokens of one key: those counted within the last window, and those that running requests hold. Both together stay
 * within the limit, so that no window has more, as long as no request uses more than it reserved. Times are those of a
 * clock that never jumps.
 */
export class TokenWindow {
  readonly #entries: Entry[] = [];
  readonly #running = new Set<TokenReservation>();
  #counted = 0;

  /** Holds what the request needs, where there is room. */
  tryReserve(reservation: TokenReservation, limit: number, nowMs: number): boolean {
    if (!hasRoom(this.taken(nowMs), reservation.need, limit)) return false;
    this.#running.add(reservation);
    return true;
  }

  /** Counts what it was, now that it is known, instead of what was reserved for it. */
  countPrompt(reservation: TokenReservation, prompt: number, tokens: number, nowMs: number): void {
    reservation.countPrompt(prompt, tokens);
    this.#count(tokens, nowMs);
  }

  /** The request has ended: it used `tokens` in all, and holds nothing any more. */
  end(reservation: TokenReservation, tokens: number, nowMs: number): void {
    if (this.#running.delete(reservation)) this.#count(tokens - reservation.counted, nowMs);
  }

  /** Counted in the window that ends now, and held. */
  taken(nowMs: number): number {
    this.#forget(nowMs);
    let held = 0;
    for (const reservation of this.#running) held += reservation.held;
    return this.#counted + held;
  }

  /** Until there is room for this; where a request has to end for it, a guess. */
  roomInMs(need: TokenNeed, limit: number, nowMs: number): number {
    let taken = this.taken(nowMs);
    if (hasRoom(taken, need, limit)) return 0;
    for (const { leavesAtMs, tokens } of this.#entries) {
      taken -= tokens;
      if (hasRoom(taken, need, limit)) return leavesAtMs - nowMs;
    }
    return soonMs;
  }

  /** Until nothing counts any more, as far as it is known: what runs will count for a window at least. */
  emptyInMs(nowMs: number): number {
    this.#forget(nowMs);
    if (this.#running.size > 0) return windowMs;
    const last = this.#entries.at(-1);
    return last ? last.leavesAtMs - nowMs : 0;
  }

  #count(tokens: number, nowMs: number): void {
    if (tokens <= 0) return;
    this.#counted += tokens;
    const leavesAtMs = (Math.floor(nowMs / grainMs) + 1) * grainMs + windowMs;
    const last = this.#entries.at(-1);
    if (last?.leavesAtMs === leavesAtMs) last.tokens += tokens;
    else this.#entries.push({ leavesAtMs, tokens });
  }

  #forget(nowMs: number): void {
    let gone = 0;
    for (const { leavesAtMs, tokens } of this.#entries) {
      if (leavesAtMs > nowMs) break;
      this.#counted -= tokens;
      gone++;
    }
    if (gone > 0) this.#entries.splice(0, gone);
  }
}
