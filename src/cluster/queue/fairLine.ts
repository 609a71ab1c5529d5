import { agedRank, type Rank } from './priorityClass.js';

/** The part of the cluster that an API key is due, relative to others. */
export interface Share {
  readonly keyId: string;
  readonly weight: number;
}

/** One that stands in a line. */
export interface Standing extends Share {
  readonly rank: Rank;
  /** It ran before and was paused: before all of its key and class that did not. */
  readonly wasPaused: boolean;
  /** Estimated work, see {@link costOf}. */
  readonly cost: number;
  /** Order of arrival. */
  readonly sequence: number;
  readonly queuedAt: number;
}

/** Reading a token of a prompt takes about a quarter of the time that generating one takes. */
const promptTokensPerOutputToken = 4;

/** The work of a request, in tokens to generate. */
export function costOf(work: { readonly promptTokens: number; readonly outputTokens: number }): number {
  return Math.max(1, work.promptTokens / promptTokensPerOutputToken + work.outputTokens);
}

/** One API key: what it was given so far, and those of it that wait. */
interface Flow<E> {
  /** Virtual time at which the work that it was given would end, if it had its share alone. */
  finish: number;
  /** Each class in order of arrival; at even places those that were paused. */
  readonly lanes: readonly Set<E>[];
  size: number;
}

const laneCount = 6;
const laneOf = ({ rank, wasPaused }: Standing) => 2 * rank + (wasPaused ? 0 : 1);

/**
 * Who is next: the highest class after ageing; in it the key that was given the least work for its weight; of this key
 * the first that came. Start-time fair queueing (Goyal, Vin, Cheng 1996), with a start tag for each key instead of each
 * request, so that estimates can be put right afterwards. Takes `now`: no clock inside.
 */
export class FairLine<E extends Standing> {
  readonly #flows = new Map<string, Flow<E>>();
  #virtualTime = 0;
  readonly #ageingMs: number;
  #size = 0;

  /** A request that has waited for `ageingMs` counts as one class higher. */
  constructor(ageingMs: number) {
    this.#ageingMs = ageingMs;
  }

  get size(): number {
    return this.#size;
  }

  add(entry: E): void {
    const flow = this.#flowOf(entry.keyId);
    flow.lanes[laneOf(entry)]?.add(entry);
    flow.size++;
    this.#size++;
  }

  delete(entry: E): void {
    const flow = this.#flows.get(entry.keyId);
    if (!flow?.lanes[laneOf(entry)]?.delete(entry)) return;
    flow.size--;
    this.#size--;
  }

  /** All that wait, in the order in which they are next; one that was yielded may be deleted before the next is taken. */
  *inOrder(nowMs: number): Generator<E, void, undefined> {
    const cursors = [...this.#flows.values()]
      .filter(({ size }) => size > 0)
      .map((flow) => ({
        finish: flow.finish,
        lanes: flow.lanes.filter(({ size }) => size > 0).map(toCursor),
      }));
    for (;;) {
      let best: { entry: E; lane: Cursor<E>; rank: number; of: (typeof cursors)[number] } | undefined;
      for (const of of cursors) {
        for (const lane of of.lanes) {
          const entry = lane.head;
          if (!entry) continue;
          const rank = agedRank(entry.rank, nowMs - entry.queuedAt, this.#ageingMs);
          const isBetter =
            !best ||
            rank > best.rank ||
            (rank === best.rank &&
              (of === best.of ? isBefore(entry, best.entry) : isDue(of, entry, best.of, best.entry)));
          if (isBetter) best = { entry, lane, rank, of };
        }
      }
      if (!best) return;
      const { entry, lane, of } = best;
      lane.advance();
      of.finish += entry.cost / entry.weight;
      yield entry;
    }
  }

  /** In no order. */
  *[Symbol.iterator](): Generator<E, void, undefined> {
    for (const { lanes } of this.#flows.values()) for (const lane of lanes) yield* lane;
  }

  /** The newest request of a key, of its lowest class. */
  newestOf(keyId: string, isMeant: (entry: E) => boolean): E | undefined {
    for (const lane of this.#flows.get(keyId)?.lanes ?? []) {
      const newest = [...lane].findLast(isMeant);
      if (newest) return newest;
    }
    return undefined;
  }

  /** Work is given to a key: before its entry, where it has one, is deleted. */
  charge({ keyId, weight }: Share, cost: number): void {
    const flow = this.#flowOf(keyId);
    this.#virtualTime = Math.max(this.#virtualTime, flow.finish);
    flow.finish += cost / weight;
  }

  /** The work turned out to be larger than what was charged, or smaller. */
  correct({ keyId, weight }: Share, difference: number): void {
    const flow = this.#flows.get(keyId);
    if (flow) flow.finish += difference / weight;
  }

  /** Nothing waits and nothing runs: nobody owes anybody anything. */
  rest(): void {
    this.#flows.clear();
    this.#virtualTime = 0;
  }

  /** A key that has nothing waiting saves nothing up: it begins where the others are. */
  #flowOf(keyId: string): Flow<E> {
    let flow = this.#flows.get(keyId);
    if (!flow) {
      flow = { finish: 0, lanes: Array.from({ length: laneCount }, () => new Set<E>()), size: 0 };
      this.#flows.set(keyId, flow);
    }
    if (flow.size === 0) flow.finish = Math.max(flow.finish, this.#virtualTime);
    return flow;
  }
}

interface Cursor<E> {
  readonly head: E | undefined;
  advance(): void;
}

/** The iterator of a set bears the deletion of what it gave already. */
function toCursor<E>(lane: Set<E>): Cursor<E> {
  const entries = lane.values();
  let head = entries.next().value;
  return {
    get head() {
      return head;
    },
    advance: () => void (head = entries.next().value),
  };
}

/** Of two requests of one key that count as the same class. */
function isBefore(a: Standing, b: Standing): boolean {
  if (a.wasPaused !== b.wasPaused) return a.wasPaused;
  return a.sequence < b.sequence;
}

/** Of two keys: the one that was given less; of equals the one that has waited for longer. */
function isDue(a: { finish: number }, ofA: Standing, b: { finish: number }, ofB: Standing): boolean {
  return a.finish < b.finish || (a.finish === b.finish && ofA.sequence < ofB.sequence);
}
