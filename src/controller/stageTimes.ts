import type { Stage } from '../observability/metrics/labels.js';
import type { DispatchTrace } from './dispatchTarget.js';

export interface RequestTimes extends Pick<
  DispatchTrace,
  'queuedAt' | 'leasedAt' | 'acceptedAt' | 'firstTokenAt' | 'lastTokenAt'
> {
  readonly arrivedAt: number;
  readonly authenticatedAt: number | undefined;
  readonly endedAt: number;
}

/**
 * How long each part of a request took, in milliseconds: one ends where the next begins, so that they are its whole time
 * together. A part whose end was not seen belongs to the one behind it.
 */
export function toStageTimes(times: RequestTimes): Map<Stage, number> {
  const ends: readonly (readonly [Stage, number | undefined])[] = [
    ['auth', times.authenticatedAt],
    ['parse', times.queuedAt],
    ['admission_queue', times.leasedAt],
    ['connect', times.acceptedAt],
    ['prefill', times.firstTokenAt],
    ['decode', times.lastTokenAt],
    ['finish', times.endedAt],
  ];
  const stages = new Map<Stage, number>();
  let beganAt = times.arrivedAt;
  for (const [stage, endedAt] of ends) {
    if (endedAt === undefined) continue;
    stages.set(stage, Math.max(0, endedAt - beganAt));
    beganAt = Math.max(beganAt, endedAt);
  }
  return stages;
}
