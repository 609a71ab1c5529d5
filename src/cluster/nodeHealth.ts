import type { BreakerState, EjectionReason } from '../protocol/clusterStatus.js';
import type { AdmissionFacts } from './admission.js';
import { AttemptWatch } from './attemptWatch.js';
import {
  newBreaker,
  passesOf,
  reduceBreaker,
  type BreakerEvent,
  type CircuitBreaker,
} from './circuitBreaker.js';
import {
  addSample,
  eject,
  findOutlier,
  noSamples,
  type Ejection,
  type Measure,
  type Sample,
  type Samples,
} from './outlierDetection.js';
import { noProbes, reduceProbes, type ProbeResults } from './probeResults.js';

/** What is told about a node's health, for log lines and metrics. */
export interface HealthEvents {
  breakerChanged(change: { nodeId: string; to: BreakerState }): void;
  nodeEjected(ejection: { nodeId: string; reason: EjectionReason; forMs: number }): void;
}

/**
 * How well a node does, from what its requests and probes have shown. What follows from it is decided by
 * {@link admitNodes}, which sees the other nodes as well.
 */
export class NodeHealth {
  readonly #nodeId: string;
  readonly #events: HealthEvents;
  #breaker: CircuitBreaker = newBreaker;
  /** The request on trial: outcomes of others do not move a half-open breaker. */
  #trial: AttemptWatch | undefined;
  #probes: ProbeResults = noProbes;
  #ejection: Ejection | undefined;
  readonly #samplesOfModel = new Map<string, Samples>();
  #failuresInARow = 0;
  #succeededAtMs: number | undefined;
  #readySinceMs: number | undefined;
  /** Counts the processes: what a request on an old one comes to says nothing about the new one. */
  #process = 0;

  constructor(nodeId: string, events: HealthEvents) {
    this.#nodeId = nodeId;
    this.#events = events;
  }

  get breaker(): CircuitBreaker {
    return this.#breaker;
  }

  /** Requests that failed in a row, up to now. */
  get failuresInARow(): number {
    return this.#failuresInARow;
  }

  /** When a request last came to its end here. */
  get succeededAtMs(): number | undefined {
    return this.#succeededAtMs;
  }

  get isProbeFailing(): boolean {
    return this.#probes.kind === 'failing';
  }

  /** What stands against it, as far as it lies in itself. */
  facts(nowMs: number): Omit<AdmissionFacts, 'isUp'> {
    return {
      passes: passesOf(this.#breaker, nowMs),
      canBeTried: this.#breaker.kind === 'open',
      isEjected: this.ejection(nowMs) !== undefined,
      isDoubtful: this.#probes.kind === 'failing' || this.#probes.failures > 0,
      readySinceMs: this.#readySinceMs ?? nowMs,
    };
  }

  /** Undefined while it is not left out for doing worse than its peers. */
  ejection(nowMs: number): Ejection | undefined {
    return this.#ejection && nowMs < this.#ejection.untilMs ? this.#ejection : undefined;
  }

  /** Another process took its place: nothing is known of its speed, and it is cold. */
  replaced(nowMs: number): void {
    this.#probes = noProbes;
    this.#samplesOfModel.clear();
    // A restart is how a node is mended. Where it does badly again, it is left out for longer.
    if (this.ejection(nowMs)) this.#ejection = { ...(this.#ejection as Ejection), untilMs: nowMs };
    this.#readySinceMs = undefined;
    this.#trial = undefined;
    this.#failuresInARow = 0;
    this.#process++;
    this.#apply({ type: 'replaced' }, nowMs);
  }

  /** It takes requests again: after an absence its share grows little by little. */
  cameUp(nowMs: number): void {
    this.#readySinceMs ??= nowMs;
  }

  wentAway(): void {
    this.#readySinceMs = undefined;
  }

  probed(hasPassed: boolean): void {
    this.#probes = reduceProbes(this.#probes, hasPassed);
  }

  /** Watches a request that the node was given; `isTrial` where the breaker let it in as the only one. */
  watch(options: { model: string; isTrial: boolean; load: number; now: () => number }): AttemptWatch {
    const { model, load, now } = options;
    const process = this.#process;
    const watch: AttemptWatch = new AttemptWatch(now, {
      outcome: (type) => {
        if (process !== this.#process) return;
        if (type !== 'showedLife') {
          this.#noteOutcome(type, now());
          this.#addSample(model, 'failures', type === 'failed' ? 1 : 0, load, now());
        }
        this.#apply({ type, isTrial: watch === this.#trial }, now());
        if (this.#breaker.kind !== 'half_open') this.#trial = undefined;
      },
      took: (measure, msPerToken) => {
        if (process === this.#process) this.#addSample(model, measure, msPerToken, load, now());
      },
      ended: () => {
        if (watch !== this.#trial) return;
        this.#trial = undefined;
        this.#apply({ type: 'trialAbandoned' }, now());
      },
    });
    if (options.isTrial) {
      this.#trial = watch;
      this.#apply({ type: 'trialTaken' }, now());
    }
    return watch;
  }

  samples(model: string): Samples {
    return this.#samplesOfModel.get(model) ?? noSamples;
  }

  /** Leaves the node out where it does clearly worse than its peers; called on a timer. */
  compare(model: string, peers: readonly Samples[], nowMs: number): void {
    if (this.ejection(nowMs)) return;
    const reason = findOutlier(this.samples(model), peers, nowMs);
    if (!reason) return;
    this.#ejection = eject(this.#ejection, reason, nowMs);
    // When it is back it begins slowly, and is judged by what it does then.
    this.#readySinceMs = this.#ejection.untilMs;
    this.#samplesOfModel.clear();
    this.#events.nodeEjected({
      nodeId: this.#nodeId,
      reason,
      forMs: Math.round(this.#ejection.untilMs - nowMs),
    });
  }

  #noteOutcome(outcome: 'succeeded' | 'failed', nowMs: number): void {
    this.#failuresInARow = outcome === 'failed' ? this.#failuresInARow + 1 : 0;
    if (outcome === 'succeeded') this.#succeededAtMs = nowMs;
  }

  #addSample(model: string, measure: Measure, value: number, load: number, atMs: number): void {
    const sample: Sample = { atMs, value, load };
    this.#samplesOfModel.set(model, addSample(this.samples(model), measure, sample));
  }

  #apply(event: BreakerEvent, nowMs: number): void {
    const from = this.#breaker.kind;
    this.#breaker = reduceBreaker(this.#breaker, event, nowMs);
    const to = this.#breaker.kind;
    if (from === to) return;
    if (to === 'closed') this.#readySinceMs = nowMs;
    this.#events.breakerChanged({ nodeId: this.#nodeId, to });
  }
}
