import type { NodeSnapshot } from '../../routing/nodeSnapshot.js';
import type { AttemptHistory, RequestWork, RoutingDecision, RoutingPolicy } from '../../routing/policy.js';
import type { NodeLease } from '../slotLease.js';
import type { Admission, AdmissionRequest, QueuePlace, QueueView } from './admission.js';
import { costOf, FairLine } from './fairLine.js';
import { GrantedSlots } from './grantedSlots.js';
import { ranks } from './priorityClass.js';
import { QueueBounds, type QueueLimits } from './queueBounds.js';
import { ServiceRate, toRetryAfterSeconds } from './serviceRate.js';
import { isBounded, toWaiter, type Waiter } from './waiter.js';

/** What the queue needs of the workers. */
export interface SlotPool {
  snapshotsFor(model: string, work?: RequestWork): NodeSnapshot[];
  /** Takes a slot if the node still has a free one; the snapshot that led here may be old. */
  tryClaim(nodeId: string, model: string, work?: RequestWork): NodeLease | undefined;
}

export interface ModelQueueOptions {
  readonly model: string;
  readonly pool: SlotPool;
  readonly route: RoutingPolicy;
  readonly limits: QueueLimits;
  /** See {@link FairLine}. */
  readonly ageingMs: number;
  readonly now: () => number;
}

const noHistory: AttemptHistory = { failedOn: new Set(), busyNodeId: undefined };
/** Where the policy lets requests wait beside free slots: so many are asked, then the next change is waited for. */
const mostLooks = 64;
/** An order that was worked out holds for so long, for those that ask where they stand. */
const orderHoldsMs = 100;

/** Those that wait for one model, and the slots that were given to them. No promises in here. */
export class ModelQueue {
  readonly #options: ModelQueueOptions;
  readonly #line: FairLine<Waiter>;
  /** Those that lost their workers, in their own order: before all others. */
  readonly #retries = new Set<Waiter>();
  readonly #bounds: QueueBounds;
  readonly #rate = new ServiceRate();
  readonly #granted: GrantedSlots;
  /** Waiting requests that are no batch work. */
  #foreground = 0;
  #order: { readonly atMs: number; readonly positions: Map<Waiter, number> } | undefined;
  #sequence = 0;
  #isGranting = false;

  constructor(options: ModelQueueOptions) {
    this.#options = options;
    this.#line = new FairLine(options.ageingMs);
    this.#bounds = new QueueBounds(options.limits);
    this.#granted = new GrantedSlots(options.now);
  }

  get waiting(): number {
    return this.#line.size + this.#retries.size;
  }

  view(nowMs: number): QueueView {
    let oldestWaitMs = 0;
    for (const waiters of [this.#retries, this.#line])
      for (const { queuedAt } of waiters) oldestWaitMs = Math.max(oldestWaitMs, nowMs - queuedAt);
    const { promptBytes } = this.#bounds;
    const batch = this.waiting - this.#foreground;
    return { model: this.#options.model, waiting: this.waiting, batch, promptBytes, oldestWaitMs };
  }

  /** Lets a request stand in line; `settle` is called once at most, when it is granted a slot or has to go. */
  enter(request: AdmissionRequest, settle: Waiter['settle']): Waiter {
    const waiter = toWaiter(request, { sequence: this.#sequence++, queuedAt: this.#options.now(), settle });
    if (waiter.history) this.#retries.add(waiter);
    else this.#line.add(waiter);
    if (waiter.rank > ranks.batch) this.#foreground++;
    if (isBounded(waiter)) this.#bounds.addWaiting(waiter, 1);
    return waiter;
  }

  leave(waiter: Waiter): void {
    this.#retries.delete(waiter);
    this.#line.delete(waiter);
    clearTimeout(waiter.awaited?.timer);
    if (waiter.rank > ranks.batch) this.#foreground--;
    if (isBounded(waiter)) this.#bounds.addWaiting(waiter, -1);
    if (this.waiting > 0) return;
    this.#rate.noteWaiting(false, this.#options.now());
    this.#order = undefined;
  }

  /** After the newcomer was entered: it, or others in its place, go where that is too much. */
  keepBounds(newcomer: Waiter): void {
    this.#rate.noteWaiting(true, this.#options.now());
    while (isBounded(newcomer)) {
      const verdict = this.#bounds.judge(newcomer);
      if (verdict.kind === 'fits') return;
      if (verdict.kind !== 'displaces') return this.#refuse(newcomer, verdict.kind);
      const displaced = this.#line.newestOf(verdict.keyId, isBounded);
      this.#refuse(displaced ?? newcomer, 'overShare');
      if (!displaced) return;
    }
  }

  /** Gives free slots to those that are next, and asks batch work for the ones that are missing. */
  grantWhatFits(): void {
    // A slot that comes back while slots are given out is seen by the claims that follow.
    if (this.#isGranting || this.waiting === 0) return;
    this.#isGranting = true;
    /** Those that were looked at and wait for one node. */
    const ahead = new Map<string, number>();
    try {
      for (const waiter of this.#retries) this.#tryGrant(waiter, ahead);
      let looks = 0;
      for (const waiter of this.#line.inOrder(this.#options.now())) {
        const outcome = this.#tryGrant(waiter, ahead);
        if (outcome === 'full') return this.#askForSlots();
        if (outcome === 'waits' && ++looks >= mostLooks) return;
      }
      if (this.#retries.size > 0) this.#askForSlots();
    } finally {
      this.#isGranting = false;
    }
  }

  /** Where it stands now. */
  placeOf(waiter: Waiter): QueuePlace {
    return this.#placeAt(this.#positionOf(waiter, this.#options.now()));
  }

  retryAfterSeconds(requests = this.waiting): number {
    return toRetryAfterSeconds(requests, this.#ratePerSecond(this.#slots()));
  }

  timedOut(waiter: Waiter): Admission {
    const hasWorkers = this.#slots() > 0;
    return {
      kind: 'timedOut',
      place: this.placeOf(waiter),
      retryAfterSeconds: this.retryAfterSeconds(),
      hasWorkers,
    };
  }

  #refuse(waiter: Waiter, kind: 'overflow' | 'overShare'): void {
    // The key's own requests are served at its share of the rate.
    const others =
      kind === 'overflow'
        ? this.waiting - 1
        : (this.#bounds.waitingOf(waiter.keyId) - 1) / this.#bounds.shareOf(waiter);
    const place = this.#placeAt(this.waiting);
    waiter.settle({ kind, place, retryAfterSeconds: this.retryAfterSeconds(others) });
  }

  #placeAt(position: number): QueuePlace {
    const slots = this.#slots();
    const predictedStartMs =
      slots === 0 ? undefined : Math.round((position * 1000) / this.#ratePerSecond(slots));
    return { position, predictedStartMs };
  }

  #ratePerSecond(slots: number): number {
    return this.#rate.perSecond(slots, this.#options.now());
  }

  #tryGrant(waiter: Waiter, ahead: Map<string, number>): 'granted' | 'waits' | 'full' | 'expired' {
    const { pool, model, now } = this.#options;
    if (waiter.deadlineAt !== undefined && waiter.deadlineAt <= now()) {
      waiter.settle({ kind: 'expired' });
      return 'expired';
    }
    let nodes = pool.snapshotsFor(model, waiter.work);
    // A node may refuse what its snapshot allows: each is asked once more at most.
    for (let tries = nodes.length + 1; tries > 0; tries--) {
      if (!nodes.some(({ isReady, slotsFree }) => isReady && slotsFree > 0)) return 'full';
      const decision = this.#route(waiter, nodes, ahead);
      if (decision.nodeId === undefined) {
        this.#noteAwaited(waiter, decision, ahead);
        return 'waits';
      }
      const lease = pool.tryClaim(decision.nodeId, model, waiter.work);
      if (lease) {
        this.#grant(waiter, lease, decision);
        return 'granted';
      }
      nodes = pool.snapshotsFor(model, waiter.work);
    }
    return 'waits';
  }

  #route(waiter: Waiter, nodes: readonly NodeSnapshot[], waitingAhead: Map<string, number>): RoutingDecision {
    const { limits, now, route } = this.#options;
    const { promptTokens, outputTokens, history = noHistory, awaited } = waiter;
    // Where no place is left, nobody waits beside a free slot.
    const isOverfull = this.#bounds.waiting > limits.requests;
    const passedOverMs = isOverfull ? Infinity : awaited ? now() - awaited.since : 0;
    return route(nodes, { promptTokens, outputTokens, history, passedOverMs, waitingAhead });
  }

  #noteAwaited(waiter: Waiter, { awaited }: RoutingDecision, ahead: Map<string, number>): void {
    if (!awaited) return;
    const { nodeId, mostMs } = awaited;
    ahead.set(nodeId, (ahead.get(nodeId) ?? 0) + 1);
    const { since, timer = setTimeout(() => this.grantWhatFits(), mostMs) } = waiter.awaited ?? {
      since: this.#options.now(),
    };
    waiter.awaited = { nodeId, since, timer };
  }

  /** Every slot that would do is taken: those that wait and are no batch work need one each. */
  #askForSlots(): void {
    if (this.#foreground === 0 || !this.#granted.hasPausable) return;
    const { pool, model } = this.#options;
    const full = pool.snapshotsFor(model).filter(({ isReady, slotsFree }) => isReady && slotsFree <= 0);
    const usable = new Set(full.map(({ nodeId }) => nodeId));
    this.#granted.askForSlots(this.#foreground, (nodeId) => usable.has(nodeId));
  }

  #grant(waiter: Waiter, lease: NodeLease, decision: RoutingDecision): void {
    const { promptTokens } = waiter;
    this.#line.charge(waiter, waiter.cost);
    this.#bounds.addRunning(waiter, 1);
    const slot = this.#granted.add({
      lease,
      decision,
      canPause: waiter.canPause && waiter.rank === ranks.batch,
      pauses: waiter.pauses,
      promptTokens,
      onReturned: ({ heldMs, tokens, wasPaused }) => {
        this.#bounds.addRunning(waiter, -1);
        if (!wasPaused) this.#rate.noteCompletion(heldMs, this.#options.now());
        const difference = costOf({ promptTokens, outputTokens: tokens }) - waiter.cost;
        if (tokens > 0) this.#line.correct(waiter, difference);
        if (this.waiting === 0 && this.#granted.size === 0) this.#line.rest();
      },
    });
    waiter.settle({ kind: 'granted', lease: slot });
  }

  #positionOf(waiter: Waiter, nowMs: number): number {
    const known =
      this.#order && nowMs - this.#order.atMs < orderHoldsMs ? this.#order.positions.get(waiter) : undefined;
    if (known !== undefined) return Math.min(known, this.waiting);
    const positions = new Map<Waiter, number>();
    for (const other of this.#retries) positions.set(other, positions.size + 1);
    for (const other of this.#line.inOrder(nowMs)) positions.set(other, positions.size + 1);
    this.#order = { atMs: nowMs, positions };
    return positions.get(waiter) ?? this.waiting;
  }

  /** Of the workers that are ready. */
  #slots(): number {
    const { pool, model } = this.#options;
    return pool
      .snapshotsFor(model)
      .reduce((sum, { isReady, slotsTotal }) => sum + (isReady ? slotsTotal : 0), 0);
  }
}
