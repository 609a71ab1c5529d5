import type { CounterFamily, HistogramFamily } from './metricFamily.js';

/** `refused`: it was told at once that it cannot be done, now or at all. */
const operationStatuses = ['success', 'error', 'cancelled', 'refused'] as const;
export type OperationStatus = (typeof operationStatuses)[number];

export interface OperationFamilies {
  readonly requests: CounterFamily<'operation' | 'status'>;
  readonly requestDuration: HistogramFamily<'operation'>;
}

export type Settled<Result> = { readonly result: Result } | { readonly error: unknown };

/** Makes a function one that is counted: how often, what came of it, and how long it took. */
export type WrapOperation = <Args extends unknown[], Result>(
  operation: string,
  run: (...args: Args) => Result | Promise<Result>,
  statusOf?: (settled: Settled<Result>) => OperationStatus,
) => (...args: Args) => Promise<Result>;

/** A function that throws or rejects is counted like that, and its error goes on. */
export function createWrap(
  { requests, requestDuration }: OperationFamilies,
  now: () => number = () => performance.now(),
): WrapOperation {
  return (operation, run, statusOf = statusOfSettled) => {
    for (const status of operationStatuses) requests.inc({ operation, status }, 0);
    requestDuration.zero({ operation });
    return async (...args) => {
      const startedAtMs = now();
      const note = (status: OperationStatus) => {
        requests.inc({ operation, status });
        requestDuration.observe({ operation }, (now() - startedAtMs) / 1000);
      };
      try {
        const result = await run(...args);
        note(statusOf({ result }));
        return result;
      } catch (error) {
        note(statusOf({ error }));
        throw error;
      }
    };
  };
}

function statusOfSettled(settled: Settled<unknown>): OperationStatus {
  if ('result' in settled) return 'success';
  return settled.error instanceof Error && settled.error.name === 'AbortError' ? 'cancelled' : 'error';
}
