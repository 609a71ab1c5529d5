import type { PrefixChain } from '../protocol/prefix.js';
import type { RoutingPolicyName } from '../protocol/routing.js';
import type { NodeSnapshot } from './nodeSnapshot.js';

/** What a request asks of a worker, as far as it is known before it runs. */
export interface RequestWork {
  readonly promptBytes: number;
  /** Estimated: the controller has no tokenizer. */
  readonly promptTokens: number;
  /** Expected, from what the model's answers had lately. */
  readonly outputTokens: number;
  readonly prefixChain: PrefixChain;
}

/** What a request that is tried again has learned of nodes. */
export interface AttemptHistory {
  /** Nodes that failed it: taken only where no other ready node serves the model. */
  readonly failedOn: ReadonlySet<string>;
  /** The node that had no free slot a moment ago: taken only where no other has one. */
  readonly busyNodeId: string | undefined;
}

/** A request as policies see it; the part of it that nodes have cached is in their snapshots. */
export interface RoutingRequest {
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly history: AttemptHistory;
  /** How long it has passed over free slots, waiting for a better one. */
  readonly passedOverMs: number;
  /** Requests in front of it that wait for a slot of one node, by node. */
  readonly waitingAhead: ReadonlyMap<string, number>;
}

/** Why the node was chosen, or why none was. */
export type RoutingReason =
  /** It holds more of the prompt than any other that could have been taken as well. */
  | 'prefix'
  /** It is expected to be done first, or has the most free slots. */
  | 'load'
  /** The one that was better had its share of the work already. */
  | 'spread'
  | 'turn'
  /** A busy node holds so much of the prompt that waiting for it beats every free one. */
  | 'awaited'
  /** No node has a free slot. */
  | 'full';

export interface RoutingCandidate {
  readonly nodeId: string;
  /** 0 to 1, larger is better; of nodes without a free slot, too. */
  readonly score: number;
  /** Milliseconds until the request would be done there. */
  readonly expectedMs?: number;
  /** Tokens of the prompt that are expected not to have to be evaluated. */
  readonly cachedTokens: number;
  /** Why it was not taken, however good: no free slot, or more than its share of the work. */
  readonly passedOver?: 'full' | 'overloaded';
}

/** What was decided and why; the receipt of a route. */
export interface RoutingDecision {
  readonly policy: RoutingPolicyName;
  /** Undefined: the request has to wait. */
  readonly nodeId: string | undefined;
  readonly reason: RoutingReason;
  /** In the order of node ids. */
  readonly candidates: readonly RoutingCandidate[];
  /** Set where free slots are passed over: whose slot is waited for, and for how long at most. */
  readonly awaited?: { readonly nodeId: string; readonly mostMs: number };
  /** When it was made, by `performance.now()`; whoever measures decisions says it. */
  readonly timing?: { readonly decidedAt: number; readonly tookMs: number };
}

/** Pure: filter, score, pick. The order of the snapshots makes no difference. */
export type RoutingPolicy = (nodes: readonly NodeSnapshot[], request: RoutingRequest) => RoutingDecision;
