/**
 * The values of labels, as far as they are not names of nodes, models and keys: those are the ones that the cluster
 * knows. Nothing that a client sends becomes one.
 */

/** How a request ended: rejected was turned away (its own fault, or a full queue), cancelled lost its client. */
export const outcomes = ['success', 'error', 'cancelled', 'rejected'] as const;
export type Outcome = (typeof outcomes)[number];

/** Why a request that waited, or would have, was not given a slot. */
export const queueRejections = ['full', 'key_limit', 'timeout', 'deadline', 'draining', 'no_worker'] as const;
export type QueueRejection = (typeof queueRejections)[number];

/** What came of looking for a key that works; a disabled one counts as revoked. */
export const authResults = ['ok', 'missing', 'invalid', 'expired', 'revoked'] as const;
export type AuthResult = (typeof authResults)[number];

/** How one try of a request on one worker ended; `cancelled`: the client left, its time was over, or it made room. */
export const attemptOutcomes = ['success', 'error', 'timeout', 'refused', 'cancelled'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** `resume`: behind tokens that another attempt has made. */
export const attemptKinds = ['first', 'retry', 'resume'] as const;
export type AttemptKind = (typeof attemptKinds)[number];

/** What was wrong with the try before. */
export const retryReasons = ['unreachable', 'lost', 'silent', 'garbage', 'error', 'busy'] as const;
export type RetryReason = (typeof retryReasons)[number];

export const resumeResults = ['success', 'failed', 'cancelled'] as const;

/** Why an answer ended; `cancelled` and `error` where none was complete. */
export const finishReasons = ['stop', 'length', 'tool_calls', 'cancelled', 'error'] as const;

/** Of what went wrong: with a worker, or with the request. */
export const errorClasses = [
  'network',
  'timeout',
  'worker',
  'oom',
  'gpu',
  'auth',
  'validation',
  'overload',
  'internal',
] as const;
export type ErrorClass = (typeof errorClasses)[number];

/** Where a request was when its client left. */
export const disconnectPhases = ['queue', 'prefill', 'decode'] as const;
export type DisconnectPhase = (typeof disconnectPhases)[number];

/** The parts of a request, one behind the other: together they are its whole time. */
export const stages = ['auth', 'parse', 'admission_queue', 'connect', 'prefill', 'decode', 'finish'] as const;
export type Stage = (typeof stages)[number];

export const checkResults = ['ok', 'fail', 'timeout'] as const;
export type CheckResult = (typeof checkResults)[number];

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;

/** What goes to workers and comes from them. */
export const upstreamMessages = [
  { direction: 'sent', type: 'request' },
  { direction: 'received', type: 'chunk' },
  { direction: 'sent', type: 'health' },
  { direction: 'received', type: 'register' },
  { direction: 'received', type: 'heartbeat' },
] as const;
export type UpstreamMessage = (typeof upstreamMessages)[number];

/** Label values of requests that reached no node, name no known model or match no route, and of keys that are gone. */
export const noNode = 'none';
export const unknownModel = 'unknown';
export const unmatchedPath = 'unmatched';
export const revokedKey = 'revoked';
