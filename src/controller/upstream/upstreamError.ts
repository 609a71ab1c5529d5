import { errors } from 'undici';
import type { GenerationFailure } from '../../protocol/generation.js';
import { TooLongError } from './readLines.js';

/**
 * How a call of a worker failed. `unreachable`: it was not sent; `lost`: the connection broke; `silent`: nothing came
 * for too long; `garbage`: what came is not the protocol; `refused`: the worker said no; `failed`: it gave up in the
 * middle; `shortage`: this process can open no connection now, which says nothing about the worker.
 */
export type UpstreamErrorKind =
  'unreachable' | 'lost' | 'silent' | 'garbage' | 'refused' | 'failed' | 'shortage';

/** Why a call of a worker did not come to its end. */
export class UpstreamError extends Error {
  readonly kind: UpstreamErrorKind;
  readonly failure: GenerationFailure | undefined;

  constructor(
    kind: UpstreamErrorKind,
    message: string,
    options: { failure?: GenerationFailure; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'UpstreamError';
    this.kind = kind;
    this.failure = options.failure;
  }
}

/** Of whatever was thrown on the way to a worker or back. */
export function toUpstreamError(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  return new UpstreamError(kindOf(error), describe(error), { cause: error });
}

/** No descriptors, buffers or local ports are left. */
const shortageCodes: readonly unknown[] = ['EMFILE', 'ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL'];

/** Whether it was this process that could not open the connection. */
export function isShortage(error: unknown): boolean {
  return shortageCodes.includes((error as { code?: unknown } | null)?.code);
}

function kindOf(error: unknown): UpstreamErrorKind {
  if (isShortage(error)) return 'shortage';
  if (error instanceof errors.ConnectTimeoutError) return 'unreachable';
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError)
    return 'silent';
  if (error instanceof TooLongError || error instanceof errors.HTTPParserError) return 'garbage';
  if (error instanceof errors.ResponseContentLengthMismatchError) return 'garbage';
  if (error instanceof errors.HeadersOverflowError) return 'garbage';
  if (error instanceof AggregateError) return 'unreachable';
  return (error as { syscall?: unknown } | null)?.syscall === 'connect' ? 'unreachable' : 'lost';
}

function describe(error: unknown): string {
  if (error instanceof errors.UndiciError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
