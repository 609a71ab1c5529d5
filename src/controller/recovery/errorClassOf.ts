import type { ErrorClass } from '../../observability/metrics/labels.js';
import type { UpstreamError } from '../upstream/upstreamError.js';
import type { FailureReason } from './judgeFailure.js';

/** What kind of trouble the failure of a worker was, as the metrics name it. */
export function errorClassOf(reason: FailureReason, { message }: Pick<UpstreamError, 'message'>): ErrorClass {
  switch (reason) {
    case 'unreachable':
    case 'lost':
      return 'network';
    case 'silent':
      return 'timeout';
    case 'garbage':
      return 'worker';
    case 'error':
      // llama.cpp has no codes for them.
      if (/out of memory|failed to allocate|cannot allocate/i.test(message)) return 'oom';
      return /\b(cuda|vulkan|metal|hip|gpu)\b/i.test(message) ? 'gpu' : 'worker';
  }
}
