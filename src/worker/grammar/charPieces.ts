import { intersectChars, type CharSet } from './charSet.js';

/** Characters that are in all of these sets and in no other. */
export interface CharPiece {
  readonly chars: CharSet;
  readonly sets: readonly CharSet[];
}

export interface CharPieces {
  /** Cuts what is within `within` where any of the sets begins or ends. */
  of(sets: readonly CharSet[], within: CharSet): readonly CharPiece[];
}

/**
 * Remembers the pieces of the same sets: the thousands of states of one pattern have the same few sets, as the very same
 * objects. Whatever is made anew is spent.
 */
export function createCharPieces(spend: (steps: number) => void): CharPieces {
  const ids = new Map<CharSet, number>();
  const known = new Map<string, readonly CharPiece[]>();

  function idOf(set: CharSet): number {
    const id = ids.get(set) ?? ids.size;
    ids.set(set, id);
    return id;
  }

  return {
    of(sets, within) {
      const sorted = [...sets].sort((a, b) => idOf(a) - idOf(b));
      const key = [within, ...sorted].map(idOf).join();
      let pieces = known.get(key);
      if (pieces === undefined) {
        pieces = cut(sorted, within, spend);
        known.set(key, pieces);
      }
      return pieces;
    },
  };
}

function cut(
  sets: readonly CharSet[],
  within: CharSet,
  spend: (steps: number) => void,
): readonly CharPiece[] {
  const events: { at: number; set: number; opens: boolean }[] = [];
  sets.forEach((chars, set) => {
    spend(chars.length);
    for (const [from, to] of intersectChars(chars, within)) {
      events.push({ at: from, set, opens: true }, { at: to + 1, set, opens: false });
    }
  });
  spend(2 * events.length);
  events.sort((a, b) => a.at - b.at);
  const pieces = new Map<string, { chars: [number, number][]; sets: readonly CharSet[] }>();
  const open = new Set<number>();
  events.forEach(({ at, set, opens }, index) => {
    if (opens) open.add(set);
    else open.delete(set);
    const next = events[index + 1]?.at ?? at;
    if (next === at || open.size === 0) return;
    spend(open.size);
    const sorted = [...open].sort((a, b) => a - b);
    const piece = pieces.get(sorted.join());
    if (piece === undefined)
      pieces.set(sorted.join(), { chars: [[at, next - 1]], sets: sorted.map((index) => sets[index]!) });
    else piece.chars.push([at, next - 1]);
  });
  return [...pieces.values()];
}
