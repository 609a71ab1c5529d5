/** A state of the search for markers: what was read so far ends with the text of this state, a prefix of a marker. */
export interface MarkerState {
  /** Characters that lead to another state than the start; all others lead to the start. */
  readonly next: ReadonlyMap<string, MarkerStep>;
}

export type MarkerStep =
  | { readonly kind: 'state'; readonly index: number }
  /** This marker is complete. */
  | { readonly kind: 'found'; readonly marker: string };

/**
 * The Aho-Corasick automaton of the markers, with its failure links resolved; the first state is the start. The marker
 * that ends first is found; of several that end at the same place, the longest.
 */
export function markerStates(markers: readonly string[]): readonly MarkerState[] {
  const wanted = markers.filter((marker) => marker !== '').map((marker) => Array.from(marker));
  const prefixes = [''];
  const indexes = new Map([['', 0]]);
  const ends = new Set(wanted.map((chars) => chars.join('')));
  const alphabet = new Set(wanted.flat());

  /** The longest suffix of the text that is a prefix of a marker, or a marker that the text ends with. */
  function step(text: readonly string[]): MarkerStep | undefined {
    let longest: string | undefined;
    for (let from = 0; from < text.length; from++) {
      const suffix = text.slice(from).join('');
      if (ends.has(suffix)) return { kind: 'found', marker: suffix };
      if (longest === undefined && isPrefix.has(suffix)) longest = suffix;
    }
    if (longest === undefined) return undefined;
    let index = indexes.get(longest);
    if (index === undefined) {
      index = prefixes.push(longest) - 1;
      indexes.set(longest, index);
    }
    return { kind: 'state', index };
  }

  const isPrefix = new Set(
    wanted.flatMap((chars) => chars.slice(0, -1).map((_, index) => chars.slice(0, index + 1).join(''))),
  );
  const states: MarkerState[] = [];
  for (let index = 0; index < prefixes.length; index++) {
    const prefix = Array.from(prefixes[index]!);
    const next = new Map<string, MarkerStep>();
    for (const char of alphabet) {
      const target = step([...prefix, char]);
      if (target !== undefined) next.set(char, target);
    }
    states.push({ next });
  }
  return states;
}
