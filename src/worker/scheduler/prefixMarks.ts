import {
  maxReportedPrefixes,
  prefixBlockBytes,
  type HeldPrefix,
  type PrefixChain,
} from '../../protocol/prefix.js';

/** The named prefixes of a sequence with the place where each ends, in ascending order. */
export type PrefixMarks = readonly HeldPrefix[];

/**
 * Where the controller's blocks end in a prompt of so many tokens: in proportion to their bytes, which is close enough
 * to choose a worker by. What is reused is found by comparing tokens.
 */
export function toPrefixMarks(chain: PrefixChain | undefined, promptTokens: number): PrefixMarks {
  if (!chain) return [];
  return chain.hashes.map((hash, block) => {
    const bytes = (block + 1) * prefixBlockBytes;
    return [hash, Math.floor((promptTokens * bytes) / chain.bytes)];
  });
}

/** Those that a cache holding the first `tokens` of the sequence holds. */
export function marksWithin(marks: PrefixMarks, tokens: number): PrefixMarks {
  return marks.filter(([, end]) => end <= tokens);
}

/** All of them, each name once, as many as a report takes: the first lists go first, and short prefixes before long. */
export function collectMarks(lists: Iterable<PrefixMarks>): HeldPrefix[] {
  const tokens = new Map<string, number>();
  for (const [hash, end] of flatten(lists)) {
    if (tokens.size === maxReportedPrefixes) break;
    if (!tokens.has(hash)) tokens.set(hash, end);
  }
  return [...tokens];
}

function* flatten(lists: Iterable<PrefixMarks>): Iterable<HeldPrefix> {
  for (const marks of lists) yield* marks;
}
