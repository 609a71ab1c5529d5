/** When a process that died is started again. Pure. */

export interface RestartDecision {
  readonly delayMs: number;
  /** It dies faster than it can be of use: reported, and started again only slowly. */
  readonly isCrashLoop: boolean;
}

const firstDelayMs = 200;
const crashLoopDeaths = 5;
const crashLoopWindowMs = 60_000;
const crashLoopDelayMs = 30_000;

/**
 * Doubles the delay with every death of the last minute; five of them are a crash loop.
 *
 * @param deathsMs times of all deaths so far, the newest last
 */
export function decideRestart(deathsMs: readonly number[], nowMs: number): RestartDecision {
  const recent = deathsMs.filter((deathMs) => nowMs - deathMs < crashLoopWindowMs).length;
  if (recent >= crashLoopDeaths) return { delayMs: crashLoopDelayMs, isCrashLoop: true };
  return { delayMs: firstDelayMs * 2 ** Math.max(0, recent - 1), isCrashLoop: false };
}
