import { errorTable, type ErrorName } from '../../protocol/apiError.js';
import { headersOf } from './headers.js';
import type { Reference, ResponseObject } from './openApiDocument.js';
import type { DescribedAccess } from './operation.js';

/** What can be wrong with a body, whatever it asks for. */
export const bodyErrors: readonly ErrorName[] = [
  'invalid_json',
  'invalid_body',
  'unsupported_content_type',
  'body_too_large',
  'missing_required_parameter',
  'invalid_type',
  'invalid_value',
  'integer_below_min_value',
  'integer_above_max_value',
  'decimal_below_min_value',
  'decimal_above_max_value',
  'empty_array',
  'array_above_max_length',
  'empty_string',
  'string_above_max_length',
  'object_above_max_properties',
];

/** What can be wrong with the query of a list. */
export const pageErrors: readonly ErrorName[] = [
  'invalid_type',
  'invalid_value',
  'integer_below_min_value',
  'integer_above_max_value',
  'empty_string',
];

/** What can go wrong with whatever needs a worker. */
export const inferenceErrors: readonly ErrorName[] = [
  ...bodyErrors,
  'unsupported_parameter',
  'unsupported_value',
  'context_length_exceeded',
  'model_not_found',
  'server_is_overloaded',
  'server_is_draining',
  'worker_failed',
  'request_crashes_workers',
  'queue_timeout',
  'key_queue_limit',
  'token_limit_reached',
  'request_above_token_limit',
  'budget_used_up',
  'deadline_exceeded',
];

/** Any request can meet it. */
const alwaysPossible: readonly ErrorName[] = ['internal_error'];

/** The answers to what goes wrong, one a status, each with its codes, where this API has codes. */
export function toErrorResponses(
  names: readonly ErrorName[],
  { schema, hasCodes, access }: { schema: Reference; hasCodes: boolean; access: DescribedAccess },
): Readonly<Record<string, ResponseObject>> {
  const all = [...names, ...alwaysPossible];
  const statuses = new Set(all.map((name) => errorTable[name].status));
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      {
        description: all
          .filter((name) => errorTable[name].status === status)
          .map((name) => `- ${describeError(name, hasCodes)}`)
          .join('\n'),
        headers: headersOf(status, access),
        content: { 'application/json': { schema } },
      },
    ]),
  );
}

function describeError(name: ErrorName, hasCodes: boolean): string {
  const { code, message } = errorTable[name];
  if (code === null || !hasCodes) return message;
  return `\`${code === 'parameter' ? name : code}\`: ${message}`;
}
