import type { NodeState } from '../protocol/clusterStatus.js';
import type { JoinRequest, ModelReport, NodeReport } from '../protocol/workerApi.js';
import type { NodeSnapshot } from '../routing/nodeSnapshot.js';
import type { RequestWork } from '../routing/policy.js';
import { admitNodes, type Admittance } from './admission.js';
import type { ClusterNode } from './clusterNode.js';
import { toPrior } from './nodeSpeed.js';
import { NodeTable, type NodeTableEvents, type WishOutcome } from './nodeTable.js';
import { ejectOutliers, levelClaims } from './peers.js';
import { toNodeView, type NodeView } from './nodeView.js';
import type { NodeLease } from './slotLease.js';
import { showFreeSlots } from './slowStart.js';
import { forgottenAfterMs, lostAfterMs } from './workerState.js';

export interface PoolEvents extends NodeTableEvents {
  nodeStateChanged(change: { nodeId: string; from: NodeState; to: NodeState; reason: string }): void;
  nodeReplaced(nodeId: string): void;
}

export interface PoolOptions {
  /** Nodes to expect: they are shown from the first moment on. */
  readonly nodeIds: readonly string[];
  readonly now: () => number;
  readonly events: PoolEvents;
}

/** Where a node is reached, and as which of its processes. */
export type NodeAddress = Pick<NodeLease, 'nodeId' | 'instanceId' | 'url'>;

/**
 * The live state of all workers: who is there, who takes requests, and who has a free slot.
 */
export class WorkerPool {
  readonly #nodes: NodeTable;
  readonly #options: PoolOptions;
  readonly #changeListeners = new Set<() => void>();
  #claims = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#nodes = new NodeTable(options.nodeIds, options.events);
  }

  /** Called after every change that may make a slot free. */
  onChange(listener: () => void): void {
    this.#changeListeners.add(listener);
  }

  /**
   * A worker joins, or joins again after a restart of either side. `taken`: another worker is connected under the same
   * node id and not silent; `removed`: an operator wants none there.
   *
   * @param url where it is called, if that is not what it says itself
   */
  join(request: JoinRequest, url = request.url): 'joined' | 'taken' | 'removed' {
    const { nodeId, instanceId, url: advertisedUrl, metricsUrl = advertisedUrl, pid, report } = request;
    if (this.#nodes.isRemoved(nodeId)) return 'removed';
    const node = this.#nodes.findOrAdd(nodeId);
    const isSame = node.identity?.instanceId === instanceId;
    if (node.wish === 'leave' && !isSame) return 'removed';
    const now = this.#options.now();
    const isSilent = ['joining', 'suspect', 'lost'].includes(node.state(now));
    if (node.identity && !isSame && !isSilent) return 'taken';
    if (node.identity && !isSame) this.#options.events.nodeReplaced(nodeId);
    // Leases of an instance that died are returned by their holders, whose connections broke with it.
    node.identity = { url, advertisedUrl, metricsUrl, pid, instanceId };
    if (!isSame) {
      node.health.replaced(now);
      node.forgetPrefixes();
    }
    this.#hear(node, report, 'joined');
    return 'joined';
  }

  /** `unknown`: this instance is not the one that joined last, and has to join again. */
  heartbeat(nodeId: string, instanceId: string, report: NodeReport): 'heard' | 'unknown' | 'removed' {
    if (this.#nodes.isRemoved(nodeId)) return 'removed';
    const node = this.#nodes.find(nodeId);
    if (node?.identity?.instanceId !== instanceId) return 'unknown';
    this.#hear(node, report, 'heartbeat');
    return 'heard';
  }

  /** The connection of this instance ended, or a new one was refused: nothing is sent there until it is heard of. */
  disconnected(nodeId: string, instanceId: string, reason: string): void {
    this.#loseContact('disconnected', nodeId, instanceId, reason);
  }

  /** A request heard nothing of this instance for too long: nothing is sent there until it is heard of. */
  stalled(nodeId: string, instanceId: string, reason: string): void {
    this.#loseContact('stalled', nodeId, instanceId, reason);
  }

  #loseContact(kind: 'disconnected' | 'stalled', nodeId: string, instanceId: string, reason: string): void {
    const node = this.#nodes.find(nodeId);
    if (node?.identity?.instanceId !== instanceId) return;
    const heardAtMs = node.contact.kind === 'awaited' ? this.#options.now() : node.contact.atMs;
    node.contact = { kind, atMs: heardAtMs };
    this.#noteState(node, reason);
    this.#changed();
  }

  /** What a health probe of this instance came to. */
  probed(nodeId: string, instanceId: string, hasPassed: boolean): void {
    const node = this.#nodes.find(nodeId);
    if (node?.identity?.instanceId !== instanceId) return;
    node.health.probed(hasPassed);
    this.#noteState(node, hasPassed ? 'health probes passed' : 'health probes failed');
    this.#changed();
  }

  /** Nodes that health probes can be sent to. */
  probeTargets(): NodeAddress[] {
    const now = this.#options.now();
    return this.#nodes.all().flatMap((node) => {
      const { id: nodeId, identity } = node;
      const isThere = !['joining', 'lost'].includes(node.state(now));
      return identity && isThere ? [{ nodeId, instanceId: identity.instanceId, url: identity.url }] : [];
    });
  }

  /** What happens by the passing of time alone; called on a timer. */
  checkTime(): void {
    const now = this.#options.now();
    for (const node of this.#nodes.all()) {
      this.#noteState(node, 'silent');
      const silentMs = node.silentMs(now) ?? 0;
      if (silentMs >= lostAfterMs) node.health.wentAway();
      if (silentMs >= forgottenAfterMs && !this.#nodes.isExpected(node.id)) this.#nodes.forget(node);
    }
    for (const model of this.modelIds()) {
      ejectOutliers(this.#nodes.all(), model, now);
      levelClaims(this.#admit(model));
    }
    this.#changed();
  }

  /** What routing needs to choose a node for `model` and this work. */
  snapshotsFor(model: string, work?: RequestWork): NodeSnapshot[] {
    const prior = toPrior(this.#nodes.all().map((node) => node.workOf(model).speed));
    const nodes = this.#admit(model).map(({ node, admittance }) => {
      const modelWork = node.workOf(model);
      return {
        nodeId: node.id,
        isReady: admittance.kind !== 'none',
        weight: admittance.kind === 'full' ? admittance.weight : 1,
        ...node.slots(model),
        claims: node.claims,
        lastClaim: node.lastClaim,
        speed: modelWork.speed.estimate(prior),
        running: modelWork.outstanding(),
        cachedTokens: work ? modelWork.cachedTokens(work) : 0,
      };
    });
    const shown = showFreeSlots(nodes, ({ isReady }) => isReady);
    return nodes.map((node, index) => ({ ...node, slotsFree: shown[index] ?? 0 }));
  }

  /** Takes a slot if the node still has a free one; the snapshot that led here may be old. */
  tryClaim(nodeId: string, model: string, work?: RequestWork): NodeLease | undefined {
    const found = this.#admit(model).find(({ node }) => node.id === nodeId);
    return found?.node.tryClaim(model, found.admittance, {
      now: this.#options.now,
      number: ++this.#claims,
      work,
      onChange: () => {
        this.#nodes.forgetIfLeft(found.node);
        this.#changed();
      },
    });
  }

  /** Where to send what needs no slot: the ready node with the model that has the most free slots. */
  readyNode(model: string, except: ReadonlySet<string>): NodeAddress | undefined {
    const [best] = this.snapshotsFor(model)
      .filter(({ nodeId, isReady, slotsTotal }) => isReady && slotsTotal > 0 && !except.has(nodeId))
      .sort((a, b) => b.slotsFree - a.slotsFree);
    const identity = best && this.#nodes.find(best.nodeId)?.identity;
    return identity && { nodeId: best.nodeId, instanceId: identity.instanceId, url: identity.url };
  }

  /** Models that some node that has joined reports, in the order of nodes. */
  modelIds(): string[] {
    return [...new Set(this.#nodes.all().flatMap((node) => node.report.models.map(({ id }) => id)))];
  }

  /** Undefined while no node reports the model. */
  kindOf(model: string): ModelReport['kind'] | undefined {
    for (const node of this.#nodes.all()) {
      const report = node.modelReport(model);
      if (report) return report.kind;
    }
    return undefined;
  }

  views(): NodeView[] {
    const now = this.#options.now();
    const admittances = new Map(this.#nodes.all().map((node) => [node, [] as Admittance[]]));
    for (const model of this.modelIds()) {
      for (const { node, admittance } of this.#admit(model)) {
        if (node.modelReport(model)) admittances.get(node)?.push(admittance);
      }
    }
    return [...admittances].map(([node, given]) => toNodeView(node, given, now));
  }

  /** Nodes that ought to be healthy. */
  countWanted(): number {
    return this.#nodes.countWanted();
  }

  /** The instance that joined last, if this is its process. */
  instanceOf(nodeId: string, pid: number): string | undefined {
    const identity = this.#nodes.find(nodeId)?.identity;
    return identity?.pid === pid ? identity.instanceId : undefined;
  }

  /** The node that is called at this URL. */
  nodeAt(url: string): string | undefined {
    return this.#nodes.all().find(({ identity }) => identity && new URL(identity.url).origin === url)?.id;
  }

  isKnown(nodeId: string): boolean {
    return this.#nodes.find(nodeId) !== undefined;
  }

  /** An operator's wish for a node. `add` expects a node, `remove` is a drain with an end: see {@link NodeTable}. */
  wish(nodeId: string, wish: 'add' | 'drain' | 'undrain' | 'remove'): WishOutcome {
    const node = this.#nodes.find(nodeId);
    const outcome = this.#nodes[wish](nodeId);
    if (node && this.isKnown(nodeId)) this.#noteState(node, `asked to ${wish}`);
    this.#changed();
    return outcome;
  }

  /** Every node with what it is given of the model's requests. */
  #admit(model: string): { node: ClusterNode; admittance: Admittance }[] {
    const now = this.#options.now();
    const nodes = this.#nodes.all();
    const admittances = admitNodes(
      nodes.map((node) => node.facts(model, now)),
      now,
    );
    return nodes.map((node, index) => ({ node, admittance: admittances[index] ?? notUp }));
  }

  #hear(node: ClusterNode, report: NodeReport, reason: string): void {
    node.hear(report);
    node.contact = { kind: 'heard', atMs: this.#options.now(), phase: report.phase };
    this.#noteState(node, reason);
    this.#changed();
  }

  /** Tells of a change of state, once. */
  #noteState(node: ClusterNode, reason: string): void {
    const now = this.#options.now();
    const { notedState: from } = node;
    const to = node.state(now);
    const isOnlyLoad = (from === 'ready' && to === 'busy') || (from === 'busy' && to === 'ready');
    node.notedState = to;
    if (node.isUp(now)) node.health.cameUp(now);
    if (from !== to && !isOnlyLoad)
      this.#options.events.nodeStateChanged({ nodeId: node.id, from, to, reason });
  }

  #changed(): void {
    for (const listener of this.#changeListeners) listener();
  }
}

const notUp: Admittance = { kind: 'none', because: 'notUp' };
