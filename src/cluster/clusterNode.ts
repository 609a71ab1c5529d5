import type { NodeState } from '../protocol/clusterStatus.js';
import type { JoinRequest, ModelReport, NodeReport } from '../protocol/workerApi.js';
import type { RequestWork } from '../routing/policy.js';
import type { AdmissionFacts, Admittance } from './admission.js';
import { ModelWork } from './modelWork.js';
import { NodeHealth, type HealthEvents } from './nodeHealth.js';
import type { NodeLease } from './slotLease.js';
import { TokenRate } from './tokenRate.js';
import { nodeStateAt, type Contact } from './workerState.js';

/** The process behind a node, and where it is reached. */
export interface NodeIdentity extends Pick<JoinRequest, 'pid' | 'instanceId'> {
  /** Where it is called: an address. */
  readonly url: string;
  /** Where it says that it is, which may be a name. */
  readonly advertisedUrl: string;
  /** Where its metrics are. */
  readonly metricsUrl: string;
}

/** What a lease is taken with. */
export interface ClaimOptions {
  readonly now: () => number;
  /** Larger than that of any claim before, on any node. */
  readonly number: number;
  /** Undefined: nothing is known of it. */
  readonly work: RequestWork | undefined;
  /** Called when others may get a slot because of this lease. */
  readonly onChange: () => void;
}

/** What an operator wants of a node: all it can do, no new requests, or to be gone once it is idle. */
export type NodeWish = 'serve' | 'drain' | 'leave';

/**
 * The live state of one worker. Its slots are counted by the leases given out here, which is the truth of the moment;
 * the worker's own count arrives up to a heartbeat later.
 */
export class ClusterNode {
  readonly id: string;
  readonly health: NodeHealth;
  identity: NodeIdentity | undefined;
  contact: Contact = { kind: 'awaited' };
  report: NodeReport = { phase: 'loading', uptimeSeconds: 0, models: [] };
  wish: NodeWish = 'serve';
  /** The state that was noted last: changes are told once. */
  notedState: NodeState = 'joining';
  /** Requests that it was given, or would have been while it was new or away. */
  claims = 0;
  /** The number of the last claim; 0: never. */
  lastClaim = 0;
  readonly #leasesOfModel = new Map<string, number>();
  readonly #rateOfModel = new Map<string, TokenRate>();
  readonly #workOfModel = new Map<string, ModelWork>();

  constructor(id: string, events: HealthEvents) {
    this.id = id;
    this.health = new NodeHealth(id, events);
  }

  state(nowMs: number): NodeState {
    return nodeStateAt(this.contact, nowMs, {
      hasFreeSlots: this.report.models.some(({ id, slotsTotal }) => slotsTotal > this.leased(id)),
      isProbeFailing: this.health.isProbeFailing,
      isDrained: this.wish !== 'serve',
    });
  }

  /** It is connected, ready and wanted; whether requests go there depends on its health, too. */
  isUp(nowMs: number): boolean {
    const state = this.state(nowMs);
    return state === 'ready' || state === 'busy';
  }

  /** Milliseconds since it was heard; undefined where it never was. */
  silentMs(nowMs: number): number | undefined {
    return this.contact.kind === 'awaited' ? undefined : nowMs - this.contact.atMs;
  }

  modelReport(model: string): ModelReport | undefined {
    return this.report.models.find(({ id }) => id === model);
  }

  /** Slots for the model, and those that no lease holds. */
  slots(model: string): { slotsTotal: number; slotsFree: number } {
    const slotsTotal = this.modelReport(model)?.slotsTotal ?? 0;
    return { slotsTotal, slotsFree: slotsTotal - this.leased(model) };
  }

  facts(model: string, nowMs: number): AdmissionFacts {
    return { isUp: this.isUp(nowMs) && this.slots(model).slotsTotal > 0, ...this.health.facts(nowMs) };
  }

  /** What a report says of caches replaces what was known; without a word about them nothing has changed. */
  hear(report: NodeReport): void {
    this.report = report;
    for (const { id, prefixes } of report.models) if (prefixes) this.workOf(id).prefixes.replace(prefixes);
  }

  /** Another process: its caches are empty. */
  forgetPrefixes(): void {
    for (const { prefixes } of this.#workOfModel.values()) prefixes.clear();
  }

  workOf(model: string): ModelWork {
    const work = this.#workOfModel.get(model) ?? new ModelWork();
    this.#workOfModel.set(model, work);
    return work;
  }

  /** Takes a slot if there is a free one. */
  tryClaim(
    model: string,
    admittance: Admittance,
    { now, number, work, onChange }: ClaimOptions,
  ): NodeLease | undefined {
    const report = this.modelReport(model);
    if (admittance.kind === 'none' || !this.identity || !report || this.slots(model).slotsFree <= 0) return;

    this.claims++;
    this.lastClaim = number;
    const modelWork = this.workOf(model);
    const running = modelWork.begin(work);
    const load = this.#addLease(model, 1);
    const isTrial = admittance.kind === 'trial';
    const watch = this.health.watch({ model, isTrial, load, now });
    const { url, instanceId } = this.identity;
    let isReturned = false;
    /** What one request shows can let others in. */
    const tellOfHealth = (act: () => void) => {
      const before = this.health.breaker;
      act();
      if (this.health.breaker.kind !== before.kind) onChange();
    };
    return {
      nodeId: this.id,
      instanceId,
      url,
      fingerprint: report.fingerprint,
      accepted: (promptTokens, cachedTokens) => {
        running.accepted(promptTokens, cachedTokens, now());
        watch.accepted(promptTokens, cachedTokens);
      },
      countTokens: (tokens) => {
        this.#rateOf(model).add(tokens, now());
        running.noteOutput(tokens, now());
        tellOfHealth(() => watch.countTokens(tokens));
      },
      holds: (prefixes) => {
        if (this.identity?.instanceId === instanceId) modelWork.prefixes.add(prefixes);
      },
      report: (outcome) => tellOfHealth(() => watch.report(outcome)),
      return: () => {
        if (isReturned) return;
        isReturned = true;
        modelWork.end(running);
        this.#addLease(model, -1);
        watch.end();
        onChange();
      },
    };
  }

  /** Requests that run there. */
  activeRequests(): number {
    return [...this.#leasesOfModel.values()].reduce((sum, leases) => sum + leases, 0);
  }

  leased(model: string): number {
    return this.#leasesOfModel.get(model) ?? 0;
  }

  tokensPerSecond(model: string, nowMs: number): number {
    return this.#rateOf(model).perSecond(nowMs);
  }

  #addLease(model: string, change: 1 | -1): number {
    const leases = this.leased(model) + change;
    this.#leasesOfModel.set(model, leases);
    return leases;
  }

  #rateOf(model: string): TokenRate {
    const rate = this.#rateOfModel.get(model) ?? new TokenRate();
    this.#rateOfModel.set(model, rate);
    return rate;
  }
}
