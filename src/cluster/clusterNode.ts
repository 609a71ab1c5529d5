import type { NodeState } from '../protocol/clusterStatus.js';
import type { JoinRequest, ModelReport, NodeReport } from '../protocol/workerApi.js';
import type { NodeSnapshot } from '../routing/nodeSnapshot.js';
import type { SlotLease } from './slotLease.js';
import { TokenRate } from './tokenRate.js';
import { nodeStateAt, type Contact } from './workerState.js';

/** The process behind a node, and where it is reached. */
export type NodeIdentity = Pick<JoinRequest, 'url' | 'pid' | 'instanceId'>;

/** A node as operators see it. */
export interface NodeView {
  readonly id: string;
  readonly identity: NodeIdentity | undefined;
  readonly state: NodeState;
  readonly uptimeSeconds: number;
  readonly lastHeartbeatMs: number | undefined;
  readonly models: readonly (ModelReport & { readonly leased: number; readonly tokensPerSecond: number })[];
}

/**
 * The live state of one worker. Its slots are counted by the leases given out here, which is the truth of the moment;
 * the worker's own count arrives up to a heartbeat later.
 */
export class ClusterNode {
  readonly id: string;
  identity: NodeIdentity | undefined;
  contact: Contact = { kind: 'awaited' };
  report: NodeReport = { phase: 'loading', uptimeSeconds: 0, models: [] };
  /** The state that was noted last: changes are told once. */
  notedState: NodeState = 'joining';
  readonly #leasesOfModel = new Map<string, number>();
  readonly #rateOfModel = new Map<string, TokenRate>();
  #claims = 0;

  constructor(id: string) {
    this.id = id;
  }

  state(nowMs: number): NodeState {
    const hasFreeSlots = this.report.models.some(({ id, slotsTotal }) => slotsTotal > this.#leased(id));
    return nodeStateAt(this.contact, nowMs, hasFreeSlots);
  }

  modelReport(model: string): ModelReport | undefined {
    return this.report.models.find(({ id }) => id === model);
  }

  snapshot(model: string, nowMs: number): NodeSnapshot {
    const slotsTotal = this.modelReport(model)?.slotsTotal ?? 0;
    const state = this.state(nowMs);
    return {
      nodeId: this.id,
      isReady: state === 'ready' || state === 'busy',
      slotsTotal,
      slotsFree: slotsTotal - this.#leased(model),
      claims: this.#claims,
    };
  }

  /** Takes a slot if there is a free one; `onReturned` is called once, when it is given back. */
  tryClaim(model: string, now: () => number, onReturned: () => void): SlotLease | undefined {
    const { isReady, slotsFree } = this.snapshot(model, now());
    const report = this.modelReport(model);
    if (!isReady || slotsFree <= 0 || !this.identity || !report) return undefined;

    this.#leasesOfModel.set(model, this.#leased(model) + 1);
    this.#claims++;
    const { url, instanceId } = this.identity;
    let isReturned = false;
    return {
      nodeId: this.id,
      instanceId,
      url,
      fingerprint: report.fingerprint,
      countTokens: (tokens) => this.#rateOf(model).add(tokens, now()),
      return: () => {
        if (isReturned) return;
        isReturned = true;
        this.#leasesOfModel.set(model, this.#leased(model) - 1);
        onReturned();
      },
    };
  }

  view(nowMs: number): NodeView {
    return {
      id: this.id,
      identity: this.identity,
      state: this.state(nowMs),
      uptimeSeconds: this.report.uptimeSeconds,
      lastHeartbeatMs: this.contact.kind === 'awaited' ? undefined : Math.round(nowMs - this.contact.atMs),
      models: this.report.models.map((model) => ({
        ...model,
        leased: this.#leased(model.id),
        tokensPerSecond: this.#rateOf(model.id).perSecond(nowMs),
      })),
    };
  }

  #leased(model: string): number {
    return this.#leasesOfModel.get(model) ?? 0;
  }

  #rateOf(model: string): TokenRate {
    const rate = this.#rateOfModel.get(model) ?? new TokenRate();
    this.#rateOfModel.set(model, rate);
    return rate;
  }
}
