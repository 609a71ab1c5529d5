import type { NodeState } from '../protocol/clusterStatus.js';
import type { JoinRequest, ModelReport, NodeReport } from '../protocol/workerApi.js';
import type { NodeSnapshot } from '../routing/nodeSnapshot.js';
import type { SlotLease } from './slotLease.js';
import { TokenRate } from './tokenRate.js';
import { forgottenAfterMs, nodeStateAt, type Contact } from './workerState.js';

export interface PoolOptions {
  /** Nodes to expect: they are shown from the first moment on. */
  readonly nodeIds: readonly string[];
  readonly now: () => number;
  readonly onStateChanged: (change: {
    nodeId: string;
    from: NodeState;
    to: NodeState;
    reason: string;
  }) => void;
}

/** Where a node is reached, and as which of its processes. */
export type NodeAddress = Pick<SlotLease, 'nodeId' | 'instanceId' | 'url'>;

/** A node as operators see it. */
export interface NodeView {
  readonly id: string;
  readonly identity: Pick<JoinRequest, 'url' | 'pid' | 'instanceId'> | undefined;
  readonly state: NodeState;
  readonly uptimeSeconds: number;
  readonly lastHeartbeatMs: number | undefined;
  readonly models: readonly (ModelReport & { readonly leased: number; readonly tokensPerSecond: number })[];
}

interface Node {
  readonly id: string;
  identity: Pick<JoinRequest, 'url' | 'pid' | 'instanceId'> | undefined;
  contact: Contact;
  report: NodeReport;
  readonly leasesOfModel: Map<string, number>;
  readonly rateOfModel: Map<string, TokenRate>;
  claims: number;
  lastState: NodeState;
}

/**
 * The live state of all workers. Slots are counted by the leases given out here, which is the truth of the moment;
 * a worker's own count arrives up to a heartbeat later.
 */
export class WorkerPool {
  readonly #nodes = new Map<string, Node>();
  readonly #options: PoolOptions;
  readonly #changeListeners = new Set<() => void>();

  constructor(options: PoolOptions) {
    this.#options = options;
    for (const id of options.nodeIds) this.#addNode(id);
  }

  /** Called after every change that may make a slot free. */
  onChange(listener: () => void): void {
    this.#changeListeners.add(listener);
  }

  /**
   * A worker joins, or joins again after a restart of either side.
   *
   * @returns false where another worker is connected under the same node id and not silent.
   */
  join(request: JoinRequest): boolean {
    const node = this.#nodes.get(request.nodeId) ?? this.#addNode(request.nodeId);
    const isSilent = ['joining', 'suspect', 'lost'].includes(this.#stateOf(node));
    if (node.identity && node.identity.instanceId !== request.instanceId && !isSilent) return false;
    // Leases of an instance that died are returned by their holders, whose connections broke with it.
    node.identity = { url: request.url, pid: request.pid, instanceId: request.instanceId };
    this.#hear(node, request.report, 'joined');
    return true;
  }

  /** @returns false where this instance is not the one that joined last: it has to join again. */
  heartbeat(nodeId: string, instanceId: string, report: NodeReport): boolean {
    const node = this.#nodes.get(nodeId);
    if (node?.identity?.instanceId !== instanceId) return false;
    this.#hear(node, report, 'heartbeat');
    return true;
  }

  /** The connection of this instance ended, or a new one was refused: nothing is sent there until it is heard of. */
  disconnected(nodeId: string, instanceId: string, reason: string): void {
    const node = this.#nodes.get(nodeId);
    if (node?.identity?.instanceId !== instanceId) return;
    const heardAtMs = node.contact.kind === 'awaited' ? this.#options.now() : node.contact.atMs;
    node.contact = { kind: 'disconnected', atMs: heardAtMs };
    this.#noteState(node, reason);
    this.#changed();
  }

  /** Notices nodes that fell silent, and forgets unconfigured ones that stay away; called on a timer. */
  checkSilence(): void {
    const now = this.#options.now();
    for (const node of this.#nodes.values()) {
      if (this.#noteState(node, 'silent')) this.#changed();
      const isConfigured = this.#options.nodeIds.includes(node.id);
      const silentMs = node.contact.kind === 'awaited' ? 0 : now - node.contact.atMs;
      if (!isConfigured && silentMs >= forgottenAfterMs) this.#nodes.delete(node.id);
    }
  }

  /** What routing needs to choose a node for `model`. */
  snapshotsFor(model: string): NodeSnapshot[] {
    return [...this.#nodes.values()].map((node) => {
      const slotsTotal = this.#modelOf(node, model)?.slotsTotal ?? 0;
      const state = this.#stateOf(node);
      return {
        nodeId: node.id,
        isReady: state === 'ready' || state === 'busy',
        slotsTotal,
        slotsFree: slotsTotal - (node.leasesOfModel.get(model) ?? 0),
        claims: node.claims,
      };
    });
  }

  /** Takes a slot if the node still has a free one; the snapshot that led here may be old. */
  tryClaim(nodeId: string, model: string): SlotLease | undefined {
    const snapshot = this.snapshotsFor(model).find((candidate) => candidate.nodeId === nodeId);
    const node = this.#nodes.get(nodeId);
    const report = node && this.#modelOf(node, model);
    if (!snapshot?.isReady || snapshot.slotsFree <= 0 || !node?.identity || !report) return undefined;

    const { leasesOfModel } = node;
    leasesOfModel.set(model, (leasesOfModel.get(model) ?? 0) + 1);
    node.claims++;
    const { url, instanceId } = node.identity;
    let isReturned = false;
    return {
      nodeId,
      instanceId,
      url,
      fingerprint: report.fingerprint,
      countTokens: (tokens) => this.#rateOf(node, model).add(tokens, this.#options.now()),
      return: () => {
        if (isReturned) return;
        isReturned = true;
        leasesOfModel.set(model, (leasesOfModel.get(model) ?? 1) - 1);
        this.#changed();
      },
    };
  }

  /** Where to send what needs no slot: the ready node with the model that has the most free slots. */
  readyNode(model: string, except: ReadonlySet<string>): NodeAddress | undefined {
    const [best] = this.snapshotsFor(model)
      .filter(({ nodeId, isReady, slotsTotal }) => isReady && slotsTotal > 0 && !except.has(nodeId))
      .sort((a, b) => b.slotsFree - a.slotsFree);
    const identity = best && this.#nodes.get(best.nodeId)?.identity;
    return identity && { nodeId: best.nodeId, instanceId: identity.instanceId, url: identity.url };
  }

  /** Models that some node that has joined reports, in the order of nodes. */
  modelIds(): string[] {
    return [...new Set([...this.#nodes.values()].flatMap((node) => node.report.models.map(({ id }) => id)))];
  }

  /** Undefined while no node reports the model. */
  kindOf(model: string): ModelReport['kind'] | undefined {
    for (const node of this.#nodes.values()) {
      const report = this.#modelOf(node, model);
      if (report) return report.kind;
    }
    return undefined;
  }

  views(): NodeView[] {
    const now = this.#options.now();
    return [...this.#nodes.values()].map((node) => ({
      id: node.id,
      identity: node.identity,
      state: this.#stateOf(node),
      uptimeSeconds: node.report.uptimeSeconds,
      lastHeartbeatMs: node.contact.kind === 'awaited' ? undefined : Math.round(now - node.contact.atMs),
      models: node.report.models.map((model) => ({
        ...model,
        leased: node.leasesOfModel.get(model.id) ?? 0,
        tokensPerSecond: this.#rateOf(node, model.id).perSecond(now),
      })),
    }));
  }

  #addNode(id: string): Node {
    const node: Node = {
      id,
      identity: undefined,
      contact: { kind: 'awaited' },
      report: { phase: 'loading', uptimeSeconds: 0, models: [] },
      leasesOfModel: new Map(),
      rateOfModel: new Map(),
      claims: 0,
      lastState: 'joining',
    };
    this.#nodes.set(id, node);
    return node;
  }

  #hear(node: Node, report: NodeReport, reason: string): void {
    node.report = report;
    node.contact = { kind: 'heard', atMs: this.#options.now(), phase: report.phase };
    this.#noteState(node, reason);
    this.#changed();
  }

  #stateOf(node: Node): NodeState {
    const hasFreeSlots = node.report.models.some(
      ({ id, slotsTotal }) => slotsTotal > (node.leasesOfModel.get(id) ?? 0),
    );
    return nodeStateAt(node.contact, this.#options.now(), hasFreeSlots);
  }

  /** @returns whether the state is another one than before. */
  #noteState(node: Node, reason: string): boolean {
    const { lastState: from } = node;
    const to = this.#stateOf(node);
    const isOnlyLoad = (from === 'ready' && to === 'busy') || (from === 'busy' && to === 'ready');
    node.lastState = to;
    const isChange = from !== to && !isOnlyLoad;
    if (isChange) this.#options.onStateChanged({ nodeId: node.id, from, to, reason });
    return isChange;
  }

  #changed(): void {
    for (const listener of this.#changeListeners) listener();
  }

  #modelOf(node: Node, model: string): ModelReport | undefined {
    return node.report.models.find(({ id }) => id === model);
  }

  #rateOf(node: Node, model: string): TokenRate {
    const rate = node.rateOfModel.get(model) ?? new TokenRate();
    node.rateOfModel.set(model, rate);
    return rate;
  }
}
