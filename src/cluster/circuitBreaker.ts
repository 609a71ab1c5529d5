/**
 * Keeps requests away from a node that fails them. Pure: each function takes a state and `nowMs` and gives the next
 * state. A half-open breaker is one with a trial on its way, so that no state can hold two.
 */
export type CircuitBreaker =
  /** All requests pass. `openings`: how often it opened since the last request that came to its end. */
  | { readonly kind: 'closed'; readonly failures: number; readonly openings: number }
  /** None passes before `untilMs`; from then on one may be taken as a trial. */
  | { readonly kind: 'open'; readonly untilMs: number; readonly openings: number }
  /** One request is on trial; no other passes until its outcome is there. */
  | { readonly kind: 'half_open'; readonly openings: number };

export type BreakerEvent =
  | { readonly type: 'succeeded' | 'failed'; readonly isTrial: boolean }
  /** The first token came, or whatever shows that the node works: the end of the request is not waited for. */
  | { readonly type: 'showedLife'; readonly isTrial: boolean }
  /** A request was let in although the breaker is open. */
  | { readonly type: 'trialTaken' }
  /** It ended without saying anything about the node: its client left, or the worker was busy. */
  | { readonly type: 'trialAbandoned' }
  /** Another process took the place of the one that failed. */
  | { readonly type: 'replaced' };

/** Failures in a row that open it. */
export const failuresToOpen = 5;
export const firstOpenMs = 5_000;
export const longestOpenMs = 60_000;

export const newBreaker: CircuitBreaker = { kind: 'closed', failures: 0, openings: 0 };

/** How long a breaker stays open that opens for the `openings`th time in a row. */
export function openMsOf(openings: number): number {
  return Math.min(longestOpenMs, firstOpenMs * 2 ** Math.max(0, openings - 1));
}

/** Which requests it lets through: all of them, one as a trial, or none. */
export function passesOf(breaker: CircuitBreaker, nowMs: number): 'all' | 'trial' | 'none' {
  if (breaker.kind === 'closed') return 'all';
  return breaker.kind === 'open' && nowMs >= breaker.untilMs ? 'trial' : 'none';
}

/** The state after `event`. Outcomes of requests that were running when it opened change nothing. */
export function reduceBreaker(breaker: CircuitBreaker, event: BreakerEvent, nowMs: number): CircuitBreaker {
  switch (breaker.kind) {
    case 'closed':
      if (event.type === 'succeeded') return newBreaker;
      if (event.type !== 'failed') return breaker;
      return breaker.failures + 1 < failuresToOpen
        ? { ...breaker, failures: breaker.failures + 1 }
        : open(breaker.openings + 1, nowMs);
    case 'open':
      if (event.type === 'trialTaken') return { kind: 'half_open', openings: breaker.openings };
      return event.type === 'replaced' ? { ...breaker, untilMs: Math.min(nowMs, breaker.untilMs) } : breaker;
    case 'half_open':
      return reduceTrial(breaker, event, nowMs);
  }
}

function reduceTrial(
  breaker: CircuitBreaker & { kind: 'half_open' },
  event: BreakerEvent,
  nowMs: number,
): CircuitBreaker {
  const { openings } = breaker;
  switch (event.type) {
    case 'succeeded':
      return event.isTrial ? newBreaker : breaker;
    case 'showedLife':
      // On probation: the next failure opens it again, for longer; the next success forgets everything.
      return event.isTrial ? { kind: 'closed', failures: failuresToOpen - 1, openings } : breaker;
    case 'failed':
      return event.isTrial ? open(openings + 1, nowMs) : breaker;
    case 'trialAbandoned':
    case 'replaced':
      return { kind: 'open', untilMs: nowMs, openings };
    case 'trialTaken':
      return breaker;
  }
}

function open(openings: number, nowMs: number): CircuitBreaker {
  return { kind: 'open', untilMs: nowMs + openMsOf(openings), openings };
}
