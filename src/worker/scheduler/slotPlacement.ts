/** Pure decisions about slots: which one a request gets, where its prefix comes from, and when a sequence moves. */

export interface SlotView {
  readonly index: number;
  readonly isBusy: boolean;
  /** What the slot's KV cache holds, and whose it is. */
  readonly cachedTokens: readonly number[];
  readonly cacheNamespace: string | undefined;
  /** Grows with each use of a slot; 0: never used. */
  readonly lastUse: number;
}

/** A prefix of the request that is in some slot's cache already. */
export interface CachedPrefix {
  readonly index: number;
  readonly tokens: number;
}

/** A shorter prefix is not worth a gap or a copy: evaluating it costs less than one step. */
export const worthwhileTokens = 32;

/**
 * The free slot for a request: the one with the longest common prefix in the same cache namespace; among equals the
 * one whose index is next to an active one or closes a gap, because a batch is fastest when the active indexes ascend
 * without gaps; then the one that was not used for the longest time.
 */
export function chooseSlot(
  slots: readonly SlotView[],
  tokens: readonly number[],
  cacheNamespace: string,
): CachedPrefix | undefined {
  const choices = slots
    .filter((slot) => !slot.isBusy)
    .map((slot) => ({
      index: slot.index,
      tokens: prefixIn(slot, tokens, cacheNamespace),
      runs: countRuns([...slots.filter(({ isBusy }) => isBusy).map(({ index }) => index), slot.index]),
      lastUse: slot.lastUse,
    }));
  const worth = (tokens: number) => (tokens >= worthwhileTokens ? tokens : 0);
  choices.sort(
    (a, b) =>
      worth(b.tokens) - worth(a.tokens) || a.runs - b.runs || a.lastUse - b.lastUse || a.index - b.index,
  );
  const best = choices[0];
  return best && { index: best.index, tokens: best.tokens };
}

/** The longest prefix of a request in any slot of its namespace, busy ones too. */
export function findLongestPrefix(
  slots: readonly SlotView[],
  tokens: readonly number[],
  cacheNamespace: string,
): CachedPrefix | undefined {
  let best: CachedPrefix | undefined;
  for (const slot of slots) {
    const length = prefixIn(slot, tokens, cacheNamespace);
    if (length > (best?.tokens ?? 0)) best = { index: slot.index, tokens: length };
  }
  return best;
}

/** Common tokens; the last one of a request is left out, because it has to be evaluated to sample behind it. */
export function commonPrefix(cached: readonly number[], tokens: readonly number[]): number {
  const limit = Math.min(cached.length, tokens.length - 1);
  let length = 0;
  while (length < limit && cached[length] === tokens[length]) length++;
  return length;
}

function prefixIn(slot: SlotView, tokens: readonly number[], cacheNamespace: string): number {
  return slot.cacheNamespace === cacheNamespace ? commonPrefix(slot.cachedTokens, tokens) : 0;
}

/** Groups of neighbouring indexes: llama.cpp makes one micro-batch of each. */
export function countRuns(indexes: readonly number[]): number {
  const sorted = [...indexes].sort((a, b) => a - b);
  return sorted.filter((index, place) => place === 0 || index !== (sorted[place - 1] ?? 0) + 1).length;
}

/** A sequence to move so that the active indexes come closer together: the last one goes into the first gap. */
export function planMove(
  active: readonly number[],
): { readonly from: number; readonly to: number } | undefined {
  if (countRuns(active) <= 1) return undefined;
  const from = Math.max(...active);
  let to = Math.min(...active);
  while (active.includes(to)) to++;
  return to < from ? { from, to } : undefined;
}
