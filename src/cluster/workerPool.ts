import type { NodeState } from '../protocol/clusterStatus.js';
import type { JoinRequest, ModelReport, NodeReport } from '../protocol/workerApi.js';
import type { NodeSnapshot } from '../routing/nodeSnapshot.js';
import { ClusterNode, type NodeView } from './clusterNode.js';
import type { SlotLease } from './slotLease.js';
import { forgottenAfterMs } from './workerState.js';

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

/**
 * The live state of all workers. Slots are counted by the leases given out here, which is the truth of the moment;
 * a worker's own count arrives up to a heartbeat later.
 */
export class WorkerPool {
  readonly #nodes = new Map<string, ClusterNode>();
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
    const isSilent = ['joining', 'suspect', 'lost'].includes(node.state(this.#options.now()));
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
    const now = this.#options.now();
    return [...this.#nodes.values()].map((node) => node.snapshot(model, now));
  }

  /** Takes a slot if the node still has a free one; the snapshot that led here may be old. */
  tryClaim(nodeId: string, model: string): SlotLease | undefined {
    return this.#nodes.get(nodeId)?.tryClaim(model, this.#options.now, () => this.#changed());
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
      const report = node.modelReport(model);
      if (report) return report.kind;
    }
    return undefined;
  }

  views(): NodeView[] {
    const now = this.#options.now();
    return [...this.#nodes.values()].map((node) => node.view(now));
  }

  #addNode(id: string): ClusterNode {
    const node = new ClusterNode(id);
    this.#nodes.set(id, node);
    return node;
  }

  #hear(node: ClusterNode, report: NodeReport, reason: string): void {
    node.report = report;
    node.contact = { kind: 'heard', atMs: this.#options.now(), phase: report.phase };
    this.#noteState(node, reason);
    this.#changed();
  }

  /** @returns whether the state is another one than before. */
  #noteState(node: ClusterNode, reason: string): boolean {
    const { notedState: from } = node;
    const to = node.state(this.#options.now());
    const isOnlyLoad = (from === 'ready' && to === 'busy') || (from === 'busy' && to === 'ready');
    node.notedState = to;
    const isChange = from !== to && !isOnlyLoad;
    if (isChange) this.#options.onStateChanged({ nodeId: node.id, from, to, reason });
    return isChange;
  }

  #changed(): void {
    for (const listener of this.#changeListeners) listener();
  }
}
