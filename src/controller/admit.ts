import type { Admission, AdmissionQueue, AdmissionRequest } from '../cluster/queue/admission.js';
import type { SlotLease } from '../cluster/slotLease.js';
import type { ControllerEvents } from '../observability/events.js';
import type { QueueRejection } from '../observability/metrics/labels.js';
import { ApiError } from '../protocol/apiError.js';
import { abortError } from './recovery/judgeFailure.js';

/** Waits for a slot. @throws ApiError where there is none to be had. */
export type Admit = (request: AdmissionRequest) => Promise<SlotLease>;

export interface AdmitDeps {
  readonly queue: Pick<AdmissionQueue, 'admit' | 'limit'>;
  readonly events: Pick<ControllerEvents, 'queueRejected'>;
}

export function createAdmit({ queue, events }: AdmitDeps): Admit {
  return async function admit(request) {
    const admission = await queue.admit(request);
    if (admission.kind === 'granted') return admission.lease;
    const error = toError(admission, request, queue.limit);
    const reason = reasonOf(admission, error);
    if (reason) events.queueRejected({ reason, keyId: request.principal.keyId });
    throw error;
  };
}

type Refusal = Exclude<Admission, { kind: 'granted' }>;

function toError(refusal: Refusal, { model, signal }: AdmissionRequest, limit: number): ApiError {
  if (refusal.kind === 'aborted') return abortError(signal);
  if (refusal.kind === 'expired') return new ApiError('deadline_exceeded');
  const { place, retryAfterSeconds } = refusal;
  const options = { retryAfterSeconds, queuePlace: place };
  const outlook =
    place.predictedStartMs === undefined
      ? ''
      : ` It would have begun in about ${Math.ceil(place.predictedStartMs / 1000)} s.`;
  switch (refusal.kind) {
    case 'overflow': {
      const bound = `at most ${limit} requests can wait for the model \`${model}\`, and prompts up to a size together`;
      return new ApiError('server_is_overloaded', {
        ...options,
        message: `The server is overloaded: ${bound}. This one would be number ${place.position}.${outlook} Please try again later.`,
      });
    }
    case 'overShare':
      return new ApiError('key_queue_limit', {
        ...options,
        message: `Other API keys wait as well, and this one has its share of the queue of the model \`${model}\` already. Please try again later.`,
      });
    case 'timedOut': {
      const message = refusal.hasWorkers
        ? `No worker became free in time: the request was number ${place.position} in the queue.`
        : `No worker with the model \`${model}\` became ready in time.`;
      return new ApiError('queue_timeout', { ...options, message });
    }
  }
}

function reasonOf(refusal: Refusal, error: ApiError): QueueRejection | undefined {
  switch (refusal.kind) {
    case 'overflow':
      return 'full';
    case 'overShare':
      return 'key_limit';
    case 'timedOut':
      return refusal.hasWorkers ? 'timeout' : 'no_worker';
    case 'expired':
      return 'deadline';
    case 'aborted':
      if (error.errorName === 'server_is_draining') return 'draining';
      return error.errorName === 'deadline_exceeded' ? 'deadline' : undefined;
  }
}
