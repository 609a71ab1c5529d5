/** What routing knows of a node and one model on it. */
export interface NodeSnapshot {
  readonly nodeId: string;
  readonly isReady: boolean;
  /** Slots for the model in question; 0 in all where the node does not serve it. */
  readonly slotsTotal: number;
  readonly slotsFree: number;
  /** Requests that the node was given so far. */
  readonly claims: number;
}
