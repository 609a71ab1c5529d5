/** What a running request still has to do, as far as is known. */
export interface OutstandingWork {
  /** Prompt tokens that have to be evaluated. */
  readonly prefillTokens: number;
  /** Tokens that are expected to be generated. */
  readonly decodeTokens: number;
}

/** How fast a node runs a model while nothing else runs there. */
export interface ModelSpeed {
  readonly prefillTokensPerSecond: number;
  /** Of one stream. */
  readonly decodeTokensPerSecond: number;
  /** By how much each further sequence beside it slows all of them down: 0.3 is 30 %. */
  readonly batchSlowdown: number;
}

/** What routing knows of a node and one model on it. */
export interface NodeSnapshot {
  readonly nodeId: string;
  readonly isReady: boolean;
  /** 0.1 to 1: the share of its normal work that the node may get; below 1 shortly after it joined or recovered. */
  readonly weight: number;
  /** Slots for the model in question; 0 in all where the node does not serve it. */
  readonly slotsTotal: number;
  readonly slotsFree: number;
  /** Requests that the node was given so far. */
  readonly claims: number;
  /** Grows with every claim on any node; of the last one on this node. 0: never. */
  readonly lastClaim: number;
  readonly speed: ModelSpeed;
  /** The requests that hold its slots. */
  readonly running: readonly OutstandingWork[];
  /** Of the prompt that is to be routed: the tokens in the node's caches. */
  readonly cachedTokens: number;
}
