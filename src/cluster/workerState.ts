import type { NodeState } from '../protocol/clusterStatus.js';
import type { NodeReport } from '../protocol/workerApi.js';

/** How the controller knows of a node. */
export type Contact =
  /** Configured, but never heard of. */
  | { readonly kind: 'awaited' }
  | { readonly kind: 'heard'; readonly atMs: number; readonly phase: NodeReport['phase'] }
  /** Its connection ended, or it refused one; a new heartbeat brings it back. */
  | { readonly kind: 'disconnected'; readonly atMs: number };

/** A node that was silent for so long gets no new requests. */
export const suspectAfterMs = 2_500;
/** A node that was silent for so long counts as gone. */
export const lostAfterMs = 6_000;

/** A node that nobody configured and that is gone for so long is forgotten, and its series with it. */
export const forgottenAfterMs = 10 * 60_000;

/** The state of a node at `nowMs`, from what was last heard of it. Pure. */
export function nodeStateAt(contact: Contact, nowMs: number, hasFreeSlots: boolean): NodeState {
  switch (contact.kind) {
    case 'awaited':
      return 'joining';
    case 'disconnected':
      return 'lost';
    case 'heard': {
      const silentMs = nowMs - contact.atMs;
      if (silentMs >= lostAfterMs) return 'lost';
      if (silentMs >= suspectAfterMs) return 'suspect';
      if (contact.phase === 'ready') return hasFreeSlots ? 'ready' : 'busy';
      return contact.phase;
    }
  }
}
