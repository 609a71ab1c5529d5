import type { NodeState } from '../protocol/clusterStatus.js';
import type { NodeReport } from '../protocol/workerApi.js';

/** How the controller knows of a node. */
export type Contact =
  /** Configured, but never heard of. */
  | { readonly kind: 'awaited' }
  | { readonly kind: 'heard'; readonly atMs: number; readonly phase: NodeReport['phase'] }
  /** Its connection ended, or it refused one; a new heartbeat brings it back. */
  | { readonly kind: 'disconnected'; readonly atMs: number }
  /** A request heard nothing of it for too long; a new heartbeat brings it back. */
  | { readonly kind: 'stalled'; readonly atMs: number };

/** A node that was silent for so long gets no new requests. */
export const suspectAfterMs = 2_500;
/** A node that was silent for so long counts as gone. */
export const lostAfterMs = 6_000;

/** A node that nobody configured and that is gone for so long is forgotten, and its series with it. */
export const forgottenAfterMs = 10 * 60_000;

export interface LocalKnowledge {
  readonly hasFreeSlots: boolean;
  /** It does not answer health probes any more. */
  readonly isProbeFailing: boolean;
  /** An operator wants no more requests there. */
  readonly isDrained: boolean;
}

/** The state of a node at `nowMs`, from what was last heard of it and what is known here. Pure. */
export function nodeStateAt(contact: Contact, nowMs: number, known: LocalKnowledge): NodeState {
  switch (contact.kind) {
    case 'awaited':
      return 'joining';
    case 'disconnected':
      return 'lost';
    case 'stalled':
      return nowMs - contact.atMs >= lostAfterMs ? 'lost' : 'suspect';
    case 'heard': {
      const silentMs = nowMs - contact.atMs;
      if (silentMs >= lostAfterMs) return 'lost';
      if (silentMs >= suspectAfterMs || known.isProbeFailing) return 'suspect';
      if (contact.phase !== 'ready') return contact.phase;
      if (known.isDrained) return 'draining';
      return known.hasFreeSlots ? 'ready' : 'busy';
    }
  }
}
