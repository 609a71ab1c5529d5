import type { GenerationFailure } from '../protocol/generation.js';

/** A call that cannot be answered, with what its sender is told. */
export class RefusedError extends Error {
  readonly failure: GenerationFailure;

  constructor(code: GenerationFailure['code'], message: string, retryable = false) {
    super(message);
    this.failure = { code, message, retryable };
  }
}
