import type { Principal } from '../../protocol/generateRequest.js';
import type { AttemptHistory, RequestWork } from '../../routing/policy.js';
import type { SlotLease } from '../slotLease.js';

/** Where a request stands. */
export interface QueuePlace {
  /** 1 is next. */
  readonly position: number;
  /** By the measured rate of service; undefined while no worker serves the model. */
  readonly predictedStartMs: number | undefined;
}

/** How a wait for a slot ended. */
export type Admission =
  | { readonly kind: 'granted'; readonly lease: SlotLease }
  /** The queue is full; `place` is the one that it would have had. */
  | { readonly kind: 'overflow'; readonly place: QueuePlace; readonly retryAfterSeconds: number }
  /** Its key has its share of the queue already. */
  | { readonly kind: 'overShare'; readonly place: QueuePlace; readonly retryAfterSeconds: number }
  | {
      readonly kind: 'timedOut';
      readonly place: QueuePlace;
      readonly retryAfterSeconds: number;
      /** Whether any worker serves the model at all. */
      readonly hasWorkers: boolean;
    }
  /** Its deadline has passed. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'aborted' };

export interface AdmissionRequest {
  readonly model: string;
  readonly principal: Pick<Principal, 'keyId' | 'weight' | 'priority'>;
  readonly signal: AbortSignal;
  /** Without one little work is assumed. */
  readonly work?: RequestWork | undefined;
  /** Of `now`; a request is never granted a slot at or after it. */
  readonly deadlineAt?: number | undefined;
  /** Of `now`; the wait times out then, where it would last longer. */
  readonly waitsUntil?: number | undefined;
  /** Of a request that was admitted before and lost its worker: it goes first and is never turned away. */
  readonly history?: AttemptHistory | undefined;
  /** It can give its slot up and go on later: its lease has a `yieldSignal` where it is batch work. */
  readonly canPause?: boolean | undefined;
  /** How often it was paused: one that was is never turned away, and waits for as long as it takes. */
  readonly pauses?: number | undefined;
  /** Called where it has to wait, with what tells where it stands. */
  readonly onWaiting?: ((place: () => QueuePlace | undefined) => void) | undefined;
}

/** What waits for one model. */
export interface QueueView {
  readonly model: string;
  readonly waiting: number;
  /** Those of them that are batch work. */
  readonly batch: number;
  readonly promptBytes: number;
  /** 0 where nothing waits. */
  readonly oldestWaitMs: number;
}

/** Requests wait here until a slot is free and claimed for them. */
export interface AdmissionQueue {
  admit(request: AdmissionRequest): Promise<Admission>;
  /** Requests that may wait for each model. */
  readonly limit: number;
  waiting(): number;
  waitingFor(model: string): number;
  views(): QueueView[];
  /** Seconds until those that wait for the model now have a slot, from 1 to 60, by the recent rate of service. */
  retryAfterSeconds(model: string): number;
}
