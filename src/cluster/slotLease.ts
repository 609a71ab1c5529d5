import type { HeldPrefix } from '../protocol/prefix.js';
import type { RoutingDecision } from '../routing/policy.js';

/** The right to run one generation on a node; returned once, in a `finally`. */
export interface NodeLease {
  readonly nodeId: string;
  /** The process that the slot belongs to: a restarted worker is another one. */
  readonly instanceId: string;
  readonly url: string;
  readonly fingerprint: string;
  /** The worker has taken the request: how long its prompt is, and how much of it need not be read again. */
  accepted(promptTokens: number, cachedTokens: number): void;
  /** Counts completion tokens for the node's tokens a second, and for its speed. */
  countTokens(tokens: number): void;
  /** What the worker's caches hold of the request now, until its next report. */
  holds(prefixes: readonly HeldPrefix[]): void;
  /**
   * What the attempt says about the node, once. Not called where it says nothing: the client left, the worker was busy,
   * or the request itself was wrong.
   */
  report(outcome: 'succeeded' | 'failed'): void;
  /** Frees the slot; a second call does nothing. */
  return(): void;
}

/** A slot that was given out by the queue. */
export interface SlotLease extends NodeLease {
  /** Why this node. */
  readonly decision: RoutingDecision;
  /** Of batch work that can be paused: aborted when somebody needs the slot more. The holder queues again. */
  readonly yieldSignal: AbortSignal | undefined;
}
