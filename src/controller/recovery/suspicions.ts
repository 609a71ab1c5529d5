import type { PoisonLedger } from '../../cluster/poisonLedger.js';
import type { SlotLease } from '../../cluster/slotLease.js';
import type { WorkerFates } from '../../cluster/workerFates.js';
import type { ControllerEvents } from '../../observability/events.js';
import { ApiError } from '../../protocol/apiError.js';
import type { DispatchTarget } from '../dispatchTarget.js';
import { fingerprintOf } from './contentFingerprint.js';

export interface SuspicionsDeps {
  readonly fates: Pick<WorkerFates, 'hasDied' | 'hasEnded' | 'wasKilled'>;
  readonly ledger: PoisonLedger;
  readonly events: Pick<ControllerEvents, 'requestQuarantined'>;
  readonly now: () => number;
}

/** What one request is suspected of on its way. */
export interface Suspicions {
  /** Two workers died of a request like this one. */
  isQuarantined(): boolean;
  /**
   * Waits, where the request is suspected, until no other suspect is being tried on this worker and no request like it
   * anywhere: who dies of a suspect is known then.
   *
   * @returns false where the worker ended meanwhile.
   * @throws ApiError where it is quarantined
   */
  enter(lease: SlotLease, signal: AbortSignal): Promise<boolean>;
  /** The worker has made a token for it. */
  progressed(): void;
  /** The attempt is over, however. */
  leave(): void;
  /** The connection broke before there was a new token. */
  lost(lease: SlotLease, startedAtMs: number): void;
  /** Resolves when it is known whether the workers of all attempts died, where that could be the second. */
  settled(): Promise<void>;
}

export type SuspicionsOf = (target: DispatchTarget) => Suspicions;

/** Requests of which workers may have died: tried on a second worker one at a time, and on no third one. */
export function createSuspicions({ fates, ledger, events, now }: SuspicionsDeps): SuspicionsOf {
  /** Workers and contents with which a suspect is being tried, each with what resolves when that is over. */
  const tried = new Map<string, Promise<void>>();

  return function suspicionsOf({ requestId, content }: DispatchTarget): Suspicions {
    let fingerprint: string | undefined;
    /** Attempts since the last new token whose workers may have died of it, each with when that is known. */
    let lost: { readonly instanceId: string; readonly decided: Promise<void> }[] = [];
    let leave: (() => void) | undefined;

    const print = () => (fingerprint ??= fingerprintOf(content()));
    const isSuspectItself = () => lost.some(({ instanceId }) => !fates.wasKilled(instanceId));
    const isSuspected = () => !ledger.isEmpty && ledger.suspicionOf(print(), now()) === 'suspect';

    const isQuarantined = () => !ledger.isEmpty && ledger.suspicionOf(print(), now()) === 'quarantined';

    /** Who waits for this suspect goes on when it is known what became of it. */
    async function note(
      { instanceId, nodeId }: SlotLease,
      startedAtMs: number,
      release: (() => void) | undefined,
    ): Promise<void> {
      const sinceToken = lost;
      const hasDied = (await fates.hasDied(instanceId)) && !fates.wasKilled(instanceId);
      if (hasDied && lost === sinceToken) {
        const death = { fingerprint: print(), requestId, instanceId, startedAtMs };
        const isConvicted = ledger.noteDeath(death, now());
        if (isConvicted) events.requestQuarantined({ requestId, nodeId, fingerprint: print() });
      }
      release?.();
    }

    return {
      isQuarantined,
      enter: async ({ instanceId }, signal) => {
        if (isQuarantined()) throw new ApiError('request_crashes_workers');
        while ((isSuspectItself() || isSuspected()) && !signal.aborted) {
          const busy = tried.get(instanceId) ?? tried.get(print());
          if (!busy) {
            leave = occupy(tried, [instanceId, print()]);
            break;
          }
          await untilDone(busy, signal);
          if (isQuarantined()) throw new ApiError('request_crashes_workers');
          if (fates.hasEnded(instanceId)) return false;
        }
        return true;
      },
      progressed: () => {
        leave?.();
        leave = undefined;
        lost = [];
        if (!ledger.isEmpty) ledger.noteProgress(print());
      },
      leave: () => {
        leave?.();
        leave = undefined;
      },
      lost: (lease, startedAtMs) => {
        lost.push({ instanceId: lease.instanceId, decided: note(lease, startedAtMs, leave) });
        leave = undefined;
      },
      settled: async () => {
        if (lost.length > 1 || (lost.length > 0 && isSuspected()))
          await Promise.all(lost.map(({ decided }) => decided));
      },
    };
  };
}

function occupy(tried: Map<string, Promise<void>>, keys: readonly string[]): () => void {
  let done = () => {};
  const until = new Promise<void>((resolve) => (done = resolve));
  for (const key of keys) tried.set(key, until);
  return () => {
    for (const key of keys) tried.delete(key);
    done();
  };
}

function untilDone(busy: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      signal.removeEventListener('abort', settle);
      resolve();
    };
    signal.addEventListener('abort', settle);
    void busy.then(settle);
  });
}
