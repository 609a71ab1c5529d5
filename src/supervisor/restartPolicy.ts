/** When a process that died is started again. Pure. */

export interface RestartDecision {
  readonly delayMs: number;
  /** It dies faster than it can be of use: reported, and started again only slowly. */
  readonly isCrashLoop: boolean;
}

const firstDelayMs = 200;
const crashLoopDeaths = 5;
const crashLoopDelayMs = 30_000;
/** A process that lived for so long did its work: its death is the first of a new row. */
const usefulLifeMs = 60_000;

/** Deaths in a row with the newest one, of a process that lived for `livedMs`. */
export function countDeaths(deathsBefore: number, livedMs: number): number {
  return livedMs >= usefulLifeMs ? 1 : deathsBefore + 1;
}

/** Doubles the delay with every death in a row, from 0.2 s on; from the fifth on it is a crash loop. */
export function decideRestart(deaths: number): RestartDecision {
  if (deaths >= crashLoopDeaths) return { delayMs: crashLoopDelayMs, isCrashLoop: true };
  return { delayMs: firstDelayMs * 2 ** Math.max(0, deaths - 1), isCrashLoop: false };
}
