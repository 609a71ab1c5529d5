/** Classes of requests; a larger rank goes first. */
export const ranks = { batch: 0, normal: 1, interactive: 2 } as const;
export type Rank = (typeof ranks)[keyof typeof ranks];

/** A request that has waited for so long stands one class higher, after twice as long two. */
const longestAgeingMs = 30_000;

/** Half of the longest wait at most brings any request into the highest class. */
export function ageingMsFor(queueTimeoutMs: number): number {
  return Math.min(longestAgeingMs, queueTimeoutMs / 4);
}

/** The class that a principal's priority means: below 0 is batch, 0 normal, above 0 interactive. */
export function rankOf(priority: number): Rank {
  if (priority < 0) return ranks.batch;
  return priority > 0 ? ranks.interactive : ranks.normal;
}

/** The class as which a request counts after a wait. */
export function agedRank(rank: Rank, waitedMs: number, ageingMs: number): number {
  return Math.min(ranks.interactive, rank + Math.floor(waitedMs / ageingMs));
}
