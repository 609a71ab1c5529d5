import type { GenerationFailure } from '../protocol/generation.js';

/** A call that cannot be answered, with what its sender is told. */
export class RefusedError extends Error {
  readonly failure: GenerationFailure;

  constructor(
    code: GenerationFailure['code'],
    message: string,
    retryable = false,
    place: Pick<GenerationFailure, 'input' | 'tool'> = {},
  ) {
    super(message);
    this.failure = { code, message, retryable, ...place };
  }
}

/** What `work` refuses is the fault of the input at this place. */
export function refusingInput<T>(input: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const { code, message, retryable } = error.failure;
    throw new RefusedError(code, message, retryable, { input });
  }
}
