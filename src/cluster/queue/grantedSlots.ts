import type { RoutingDecision } from '../../routing/policy.js';
import type { NodeLease, SlotLease } from '../slotLease.js';
import { pickPauses, type Pausable } from './pausing.js';

/** A slot that is given out. */
export interface Grant {
  readonly lease: NodeLease;
  readonly decision: RoutingDecision;
  readonly canPause: boolean;
  readonly pauses: number;
  readonly promptTokens: number;
  /** Called once, before the slot is free. */
  readonly onReturned: (run: { heldMs: number; tokens: number; wasPaused: boolean }) => void;
}

interface PausableRun extends Pausable {
  tokens: number;
  isYielding: boolean;
  readonly yielding: AbortController;
}

/** The slots of a model that are in use, and which of them can be had back. */
export class GrantedSlots {
  readonly #pausable = new Set<PausableRun>();
  readonly #now: () => number;
  #size = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#size;
  }

  get hasPausable(): boolean {
    return this.#pausable.size > 0;
  }

  add({ lease, decision, canPause, pauses, promptTokens, onReturned }: Grant): SlotLease {
    const startedAt = this.#now();
    const run = { nodeId: lease.nodeId, startedAt, pauses, promptTokens, tokens: 0, isYielding: false };
    const pausable = canPause ? Object.assign(run, { yielding: new AbortController() }) : undefined;
    if (pausable) this.#pausable.add(pausable);
    this.#size++;
    let isReturned = false;
    return {
      ...lease,
      decision,
      yieldSignal: pausable?.yielding.signal,
      countTokens: (tokens) => {
        run.tokens += tokens;
        lease.countTokens(tokens);
      },
      return: () => {
        if (isReturned) return;
        isReturned = true;
        this.#size--;
        if (pausable) this.#pausable.delete(pausable);
        onReturned({ heldMs: this.#now() - startedAt, tokens: run.tokens, wasPaused: run.isYielding });
        lease.return();
      },
    };
  }

  /** Tells batch work to give up slots for `wanted` requests, on nodes where they are of use. */
  askForSlots(wanted: number, isUsable: (nodeId: string) => boolean): void {
    for (const run of pickPauses(this.#pausable, { wanted, nowMs: this.#now(), isUsable })) {
      run.isYielding = true;
      run.yielding.abort();
    }
  }
}
