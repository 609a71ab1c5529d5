import { ClusterNode } from './clusterNode.js';
import type { HealthEvents } from './nodeHealth.js';

export interface NodeTableEvents extends HealthEvents {
  nodeForgotten(nodeId: string): void;
}

/** What came of an operator's wish. `leaving`: the node is being removed, and has requests to end. */
export type WishOutcome = 'done' | 'unknown' | 'exists' | 'leaving';

/** Which nodes there are: those that are expected, those that joined by themselves, and none that were removed. */
export class NodeTable {
  readonly #nodes = new Map<string, ClusterNode>();
  readonly #events: NodeTableEvents;
  /** Configured nodes and those that were added: shown although they are not there. */
  readonly #expected: Set<string>;
  /** Nodes that an operator took out: their workers may not come back by themselves. */
  readonly #removed = new Set<string>();

  constructor(nodeIds: readonly string[], events: NodeTableEvents) {
    this.#events = events;
    this.#expected = new Set(nodeIds);
    for (const id of nodeIds) this.findOrAdd(id);
  }

  all(): ClusterNode[] {
    return [...this.#nodes.values()];
  }

  find(id: string): ClusterNode | undefined {
    return this.#nodes.get(id);
  }

  findOrAdd(id: string): ClusterNode {
    const node = this.#nodes.get(id) ?? new ClusterNode(id, this.#events);
    this.#nodes.set(id, node);
    return node;
  }

  isExpected(id: string): boolean {
    return this.#expected.has(id);
  }

  /** Whether a worker of this id is refused. */
  isRemoved(id: string): boolean {
    return this.#removed.has(id);
  }

  /** Nodes that ought to be healthy: those that are expected, without those that are drained. */
  countWanted(): number {
    return this.all().filter(({ id, wish }) => this.#expected.has(id) && wish === 'serve').length;
  }

  /** Expects a node: it is shown until its worker joins, which it may do again where it was removed before. */
  add(id: string): WishOutcome {
    const node = this.#nodes.get(id);
    if (node) return node.wish === 'leave' ? 'leaving' : 'exists';
    this.#removed.delete(id);
    this.#expected.add(id);
    this.findOrAdd(id);
    return 'done';
  }

  /** No new requests; those that run may end. It stays so when its worker is started again. */
  drain(id: string): WishOutcome {
    const node = this.#nodes.get(id);
    if (!node) return 'unknown';
    if (node.wish === 'serve') node.wish = 'drain';
    return 'done';
  }

  undrain(id: string): WishOutcome {
    const node = this.#nodes.get(id);
    if (!node) return 'unknown';
    if (node.wish === 'leave') return 'leaving';
    node.wish = 'serve';
    return 'done';
  }

  /** Drains a node, and forgets it when its last request has ended, which may be at once. */
  remove(id: string): WishOutcome {
    const node = this.#nodes.get(id);
    if (!node) return 'unknown';
    node.wish = 'leave';
    this.forgetIfLeft(node);
    return 'done';
  }

  forgetIfLeft(node: ClusterNode): void {
    if (node.wish !== 'leave' || node.activeRequests() > 0 || this.#nodes.get(node.id) !== node) return;
    this.#removed.add(node.id);
    this.#expected.delete(node.id);
    this.forget(node);
  }

  forget(node: ClusterNode): void {
    this.#nodes.delete(node.id);
    this.#events.nodeForgotten(node.id);
  }
}
