import type { Admittance } from './admission.js';
import type { ClusterNode } from './clusterNode.js';

/** Leaves out the nodes that do clearly worse than the others with `model`. */
export function ejectOutliers(nodes: readonly ClusterNode[], model: string, nowMs: number): void {
  const compared = nodes.filter((node) => {
    const { isUp, passes } = node.facts(model, nowMs);
    return isUp && passes === 'all';
  });
  for (const node of compared) {
    const peers = compared.filter((other) => other !== node && !other.health.ejection(nowMs));
    node.health.compare(
      model,
      peers.map((peer) => peer.health.samples(model)),
      nowMs,
    );
  }
}

/**
 * A node that was away, or begins slowly, has no arrears of claims: else, among equals, it would get every request
 * until it had caught up.
 */
export function levelClaims(nodes: readonly { node: ClusterNode; admittance: Admittance }[]): void {
  const most = Math.max(
    0,
    ...nodes.filter(({ admittance }) => isWhole(admittance)).map(({ node }) => node.claims),
  );
  for (const { node, admittance } of nodes) {
    // One that waits to be tried shall be chosen, among equals.
    const isBehind = admittance.kind !== 'trial' && !isWhole(admittance);
    if (isBehind) node.claims = Math.max(node.claims, most);
  }
}

const isWhole = (admittance: Admittance) => admittance.kind === 'full' && admittance.weight === 1;
