import type { BreakerState, EjectionReason, NodeState } from '../../protocol/clusterStatus.js';
import type { RoutingReceipt } from '../../protocol/routing.js';
import type { CheckResult } from '../metrics/labels.js';
import type { EventDeps } from './eventDeps.js';

/** What happens to nodes, and between them and the controller. */
export function createNodeEvents({ logger, metrics, names }: EventDeps) {
  return {
    nodeStateChanged(change: { nodeId: string; from: NodeState; to: NodeState; reason: string }): void {
      names.nodeSeen(change.nodeId);
      const isLoss = change.to === 'lost' || change.to === 'suspect';
      logger[isLoss ? 'warn' : 'info']('node state', change);
    },

    /** Another process took its place. */
    nodeReplaced(nodeId: string): void {
      metrics.nodeRestarts.inc({ node_id: nodeId });
    },

    breakerChanged(change: { nodeId: string; to: BreakerState }): void {
      metrics.breakerTransitions.inc({ node_id: change.nodeId, to: change.to });
      logger[change.to === 'open' ? 'warn' : 'info']('circuit breaker', change);
    },

    nodeEjected(ejection: { nodeId: string; reason: EjectionReason; forMs: number }): void {
      metrics.nodeEjections.inc({ node_id: ejection.nodeId, reason: ejection.reason });
      logger.warn('node ejected', ejection);
    },

    /** It was removed, or stayed away for long and nobody expects it. */
    nodeForgotten(nodeId: string): void {
      names.nodeForgotten(nodeId);
      metrics.registry.forget('node_id', nodeId);
      logger.info('node forgotten', { nodeId });
    },

    modelSeen(model: string): void {
      names.modelSeen(model);
    },

    /** No node that is there or expected has it any more. */
    modelForgotten(model: string): void {
      names.modelForgotten(model);
      metrics.registry.forget('model', model);
      logger.info('model forgotten', { model });
    },

    /** A health probe was answered, or given up. */
    nodeProbed({ nodeId, result, ms }: { nodeId: string; result: CheckResult; ms: number }): void {
      const node_id = names.nodeLabel(nodeId);
      metrics.upstreamMessages.inc({ direction: 'sent', type: 'health' });
      metrics.healthChecks.inc({ node_id, status: result });
      metrics.healthCheckDuration.observe({ node_id }, ms / 1000);
    },

    /** It joined, or sent a heartbeat. */
    nodeHeard(type: 'register' | 'heartbeat'): void {
      metrics.upstreamMessages.inc({ direction: 'received', type });
    },

    /** A connection to it was opened. */
    nodeConnected({ nodeId, ms }: { nodeId: string; ms: number }): void {
      metrics.upstreamLatency.observe({ node_id: names.nodeLabel(nodeId), phase: 'connect' }, ms / 1000);
    },

    /** A policy was asked; most of the time it names a node. */
    routeDecided(route: { policy: string; reason: string; isGranted: boolean; durationMs: number }): void {
      const { policy, reason, isGranted, durationMs } = route;
      metrics.routingDecisionDuration.observe({ policy }, durationMs / 1000);
      if (isGranted) metrics.routingDecisions.inc({ policy, reason });
    },

    /** A worker has accepted a request: what was expected of it, and what it says itself. */
    requestRouted(receipt: RoutingReceipt & { requestId: string; model: string }): void {
      const { model, nodeId, expectedCachedTokens } = receipt;
      const labels = { model: names.modelLabel(model), node_id: names.nodeLabel(nodeId) };
      metrics.prefixCacheExpectedTokens.inc(labels, expectedCachedTokens);
      logger.debug('route', receipt);
    },

    /** A worker's call that was refused; that it has to join again (404) is no news. */
    internalCallRefused(refusal: { path: string; status: number; reason: string }): void {
      logger.warn('internal call refused', refusal);
    },
  };
}
