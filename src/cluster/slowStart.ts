/** A node that joined or came back gets its share of the requests little by little: its caches are cold. Pure. */

export const slowStartMs = 30_000;
const firstWeight = 0.1;

export interface WarmingNode {
  /** When it became ready, or came back. */
  readonly readySinceMs: number;
}

/**
 * The share of a full one that the node gets, 0.1 to 1. It is full where no other node was warm already when this one
 * came: a lone node and the nodes of a fresh cluster have nobody who could do the work meanwhile.
 *
 * @param others the other nodes that take requests for the same model
 */
export function weightOf(node: WarmingNode, others: readonly WarmingNode[], nowMs: number): number {
  const isAnyWarm = others.some((other) => other.readySinceMs + slowStartMs <= node.readySinceMs);
  if (!isAnyWarm) return 1;
  const share = (nowMs - node.readySinceMs) / slowStartMs;
  return Math.min(1, Math.max(0, share) * (1 - firstWeight) + firstWeight);
}

/** How many of its slots a node offers: at least one, or it would never warm up. */
export function offeredSlots(weight: number, slotsTotal: number): number {
  // The sum of a weight is not exact, and must not become one slot more.
  return Math.ceil(weight * slotsTotal - 1e-9);
}

/**
 * Slots that nodes of one model show as free. What a node in slow start keeps back is shown after all where no node
 * has another one: nobody waits beside a free slot.
 */
export function showFreeSlots<
  N extends { readonly weight: number; readonly slotsTotal: number; readonly slotsFree: number },
>(nodes: readonly N[], isReady: (node: N) => boolean): number[] {
  const shown = nodes.map(({ weight, slotsTotal, slotsFree }) => {
    const keptBack = slotsTotal - offeredSlots(weight, slotsTotal);
    return Math.max(0, slotsFree - keptBack);
  });
  const isAnyFree = nodes.some((node, index) => isReady(node) && (shown[index] ?? 0) > 0);
  return isAnyFree ? shown : nodes.map(({ slotsFree }) => slotsFree);
}
