import type { AttemptHistory, RequestWork } from '../../routing/policy.js';
import type { Admission, AdmissionRequest } from './admission.js';
import { costOf, type Standing } from './fairLine.js';
import { rankOf } from './priorityClass.js';
import type { Load } from './queueBounds.js';

/** One that waits. */
export interface Waiter extends Standing, Load {
  readonly work: RequestWork | undefined;
  /** Estimated, as `outputTokens`. */
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly history: AttemptHistory | undefined;
  readonly deadlineAt: number | undefined;
  readonly canPause: boolean;
  readonly pauses: number;
  /** It passes over free slots for one of this node, since then; when the timer ends, it is looked at again. */
  awaited?: { readonly nodeId: string; readonly since: number; readonly timer: NodeJS.Timeout } | undefined;
  settle(admission: Admission): void;
}

/** A request as it stands in line. */
export function toWaiter(
  request: AdmissionRequest,
  entry: Pick<Waiter, 'sequence' | 'queuedAt' | 'settle'>,
): Waiter {
  const { principal, work, pauses = 0, history, deadlineAt, canPause = false } = request;
  const { promptBytes = 0, promptTokens = 1, outputTokens = 1 } = work ?? {};
  return {
    keyId: principal.keyId,
    weight: principal.weight,
    rank: rankOf(principal.priority),
    wasPaused: pauses > 0,
    // Its key paid for it already; what it will do is counted when it is done.
    cost: history ? 1 : costOf({ promptTokens, outputTokens }),
    promptBytes,
    promptTokens,
    outputTokens,
    work,
    history,
    deadlineAt,
    canPause,
    pauses,
    ...entry,
  };
}

/** Those that were let in before are never turned away, and take no place from others. */
export function isBounded({ history, pauses }: Waiter): boolean {
  return history === undefined && pauses === 0;
}
