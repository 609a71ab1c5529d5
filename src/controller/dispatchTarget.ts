import type { QueuePlace } from '../cluster/queue/admission.js';
import type { AttemptRecord } from '../observability/events/recoveryEvents.js';
import type { Principal } from '../protocol/generateRequest.js';
import type { RequestWork, RoutingDecision } from '../routing/policy.js';

/** Filled as it goes; `cancelled` until it has come to another end. */
export type AttemptTrace = { -readonly [Part in keyof AttemptRecord]: AttemptRecord[Part] };

/** What is learned about a request on its way; read by the log line and the metrics. */
export interface DispatchTrace {
  nodeId?: string;
  fingerprint?: string;
  attempts: number;
  /** The first and the last ones, also those that made room for others, or that a busy worker refused. */
  readonly tries: AttemptTrace[];
  queueMs?: number;
  /** While it waits for a slot: where it stands. */
  queuePlace?: (() => QueuePlace | undefined) | undefined;
  /** While it waits for a slot: since when. */
  waitingSince?: number | undefined;
  /** When its first wait for a slot began, and when it first had one. All times are of `performance.now()`. */
  queuedAt?: number;
  leasedAt?: number;
  /** When a worker first took it. */
  acceptedAt?: number;
  firstTokenAt?: number;
  /** Of what has one answer instead of tokens: when that was there. */
  lastTokenAt?: number;
  /** From the first slot to the end of the last try. */
  upstreamMs: number;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
  /** Why the node that ran it was chosen. */
  route?: RoutingDecision;
}

/** What every request needs on its way, whatever it asks of a worker. */
export interface DispatchTarget {
  readonly requestId: string;
  readonly model: string;
  readonly principal: Pick<Principal, 'keyId' | 'weight' | 'priority'>;
  /** Undefined: nothing is known of it. */
  readonly work?: RequestWork;
  /** It can be ended at any time and go on later where it was. */
  readonly canPause?: boolean;
  /** All that a worker reads of it, without ids and seeds: what is the same when a client asks again. */
  readonly content: () => unknown;
}

/** How the client calls what it sent, for the errors about it. */
export interface ClientParams {
  /** The parameter that is at fault where the prompt is: `messages`, `input`, … */
  readonly promptParam: string;
  /** And where one of several inputs is: `input[3]`. */
  readonly inputParam?: (input: number) => string;
  /** Where the schema of the answer is: `response_format`, … */
  readonly schemaParam?: string;
  /** And where that of a tool is: `tools[1].parameters`. */
  readonly toolParam?: (name: string) => string;
}

export interface DispatchOptions extends ClientParams {
  /** Ends the request; with an ApiError as reason where the server does it. */
  readonly signal: AbortSignal;
  readonly trace: DispatchTrace;
  /** When the client's patience ends, by `performance.now()`; `signal` is aborted then. */
  readonly deadlineAt?: number | undefined;
}
