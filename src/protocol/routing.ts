/** Ways to choose a worker, by the names under which they are set; the first one is the default. */
export const routingPolicyNames = ['prefix-aware', 'least-busy', 'round-robin'] as const;
export type RoutingPolicyName = (typeof routingPolicyNames)[number];

/** Who may share cached prompt prefixes: each API key with itself, or all with each other. */
export const cacheSharings = ['keys', 'all'] as const;
export type CacheSharing = (typeof cacheSharings)[number];

/** Why a request ran where it did: what the policy saw and expected, and what the worker said then. No prompts. */
export interface RoutingReceipt {
  readonly policy: RoutingPolicyName;
  readonly reason: string;
  readonly nodeId: string;
  readonly promptTokens: number;
  /** Tokens of the prompt that were expected not to have to be evaluated, and how many it were. */
  readonly expectedCachedTokens: number;
  readonly cachedTokens: number;
  /** The best ones. */
  readonly candidates: readonly {
    readonly nodeId: string;
    /** 0 to 1 */
    readonly score: number;
    readonly expectedMs?: number;
    readonly cachedTokens: number;
    readonly passedOver?: string;
  }[];
}
