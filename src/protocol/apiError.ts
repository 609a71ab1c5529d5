import { z } from 'zod';

/** How one kind of error is shown to a client, and whether trying the same request again can help. */
interface ErrorRow {
  readonly status: number;
  /** OpenAI's `error.type`. */
  readonly type: string;
  /** OpenAI's `error.code`; null where OpenAI sends null. */
  readonly code: string | null;
  readonly message: string;
  /** Sent as `x-should-retry` where the official clients would decide otherwise by the status. */
  readonly shouldRetry?: boolean;
}

const badRequest = 'invalid_request_error';

/**
 * Every error a client can get, by its name here. Source of statuses, types and codes: the official OpenAPI
 * document, and the reactions of the official clients (they retry 408, 409, 429 and 5xx, nothing else).
 */
export const errorTable = {
  invalid_json: {
    status: 400,
    type: badRequest,
    code: null,
    message: 'We could not parse the JSON body of your request: the API expects a JSON object.',
  },
  invalid_body: { status: 400, type: badRequest, code: null, message: 'The request body could not be read.' },
  unsupported_content_type: {
    status: 415,
    type: badRequest,
    code: null,
    message: "Unsupported content type. Send a JSON body with 'Content-Type: application/json'.",
  },
  unreadable_request: {
    status: 400,
    type: badRequest,
    code: null,
    message: 'What was sent is no HTTP request that can be read.',
  },
  url_too_long: { status: 414, type: badRequest, code: null, message: 'The URL of the request is too long.' },
  headers_too_large: {
    status: 431,
    type: badRequest,
    code: null,
    message: 'The headers of the request, or its URL, are too large.',
  },
  request_too_slow: {
    status: 408,
    type: badRequest,
    code: null,
    message: 'The request did not arrive in time.',
  },
  body_too_large: { status: 413, type: badRequest, code: null, message: 'The request body is too large.' },
  missing_required_parameter: parameterError('A required parameter is missing.'),
  invalid_type: parameterError('A parameter has the wrong type.'),
  invalid_value: parameterError('A parameter has a value that is not accepted.'),
  integer_below_min_value: parameterError('An integer is too small.'),
  integer_above_max_value: parameterError('An integer is too large.'),
  decimal_below_min_value: parameterError('A number is too small.'),
  decimal_above_max_value: parameterError('A number is too large.'),
  empty_array: parameterError('An array is empty.'),
  array_above_max_length: parameterError('An array is too long.'),
  empty_string: parameterError('A string is empty.'),
  string_above_max_length: parameterError('A string is too long.'),
  object_above_max_properties: parameterError('An object has too many properties.'),
  unsupported_parameter: parameterError('A parameter is not supported.'),
  unsupported_value: parameterError('A value is not supported.'),
  context_length_exceeded: parameterError('The prompt does not fit into the context of the model.'),
  model_not_found: {
    status: 404,
    type: badRequest,
    code: 'model_not_found',
    message: 'The model does not exist.',
  },
  route_not_found: { status: 404, type: badRequest, code: null, message: 'Invalid URL.' },
  object_not_found: { status: 404, type: badRequest, code: null, message: 'There is no such object.' },
  node_not_found: {
    status: 404,
    type: badRequest,
    code: 'node_not_found',
    message: 'There is no such node.',
  },
  node_id_taken: {
    status: 409,
    type: badRequest,
    code: 'node_id_taken',
    message: 'Another worker is connected with this node id.',
  },
  node_exists: {
    status: 409,
    type: badRequest,
    code: 'node_exists',
    message: 'There is a node with this id already.',
  },
  node_leaving: {
    status: 409,
    type: badRequest,
    code: 'node_leaving',
    message: 'This node is being removed: it goes when its last request has ended.',
  },
  node_removed: {
    status: 403,
    type: badRequest,
    code: 'node_removed',
    message: 'This node was removed from the cluster: it may join when an operator has added it again.',
  },
  missing_api_key: {
    status: 401,
    type: badRequest,
    // As OpenAI answers it.
    code: null,
    message: "No API key was given: send yours as 'Authorization: Bearer sk-…'.",
  },
  invalid_api_key: {
    status: 401,
    type: badRequest,
    code: 'invalid_api_key',
    message: 'This API key does not work: it is wrong, or it has expired, or it was disabled or revoked.',
  },
  invalid_admin_token: {
    status: 401,
    type: badRequest,
    code: 'invalid_admin_token',
    message: "This needs the controller's admin token, sent as 'Authorization: Bearer …'.",
  },
  key_not_found: { status: 404, type: badRequest, code: 'key_not_found', message: 'There is no such key.' },
  key_revoked: {
    status: 409,
    type: badRequest,
    code: 'key_revoked',
    message: 'This key is revoked, which is for good: make another one.',
  },
  cluster_token_invalid: {
    status: 401,
    type: badRequest,
    code: 'cluster_token_invalid',
    message:
      'This is for the processes of the cluster: send its token (--cluster-token-file) as `Authorization: Bearer`.',
  },
  asked_too_often: {
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    message: 'This is asked for more often than anybody needs to know it.',
  },
  previous_response_not_found: {
    status: 400,
    type: badRequest,
    code: 'previous_response_not_found',
    message: 'The previous response was not found.',
  },
  response_not_found: { status: 404, type: badRequest, code: null, message: 'The response was not found.' },
  item_not_found: { status: 404, type: badRequest, code: null, message: 'The item was not found.' },
  tool_call_not_found: {
    status: 400,
    type: badRequest,
    code: null,
    message: 'There is no tool call to which this output belongs.',
  },
  response_not_cancellable: {
    status: 400,
    type: badRequest,
    code: null,
    message: 'Only a response that was created with background=true can be cancelled.',
  },
  host_not_allowed: {
    status: 421,
    type: badRequest,
    code: 'host_not_allowed',
    message: 'This server is not known by this name: --allowed-hosts says by which names it may be called.',
  },
  origin_not_allowed: {
    status: 403,
    type: badRequest,
    code: 'origin_not_allowed',
    message: 'Web pages of this origin may not call this server: --allowed-origins says which may.',
  },
  method_not_supported: {
    status: 405,
    type: badRequest,
    code: 'method_not_supported',
    message: 'This method is not allowed here.',
  },
  server_is_overloaded: {
    status: 503,
    type: 'service_unavailable_error',
    code: 'server_is_overloaded',
    message: 'The server is overloaded. Please try again later.',
  },
  server_is_draining: {
    status: 503,
    type: 'service_unavailable_error',
    code: 'server_is_draining',
    message: 'The server is shutting down. Please try again.',
  },
  worker_failed: {
    status: 502,
    type: 'server_error',
    code: null,
    message: 'The workers that ran this request failed before it was finished.',
    // It was tried on several workers already.
    shouldRetry: false,
  },
  key_queue_limit: {
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    message: 'So many requests of this API key wait already that there would be no room for others.',
  },
  request_limit_reached: {
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    message: 'This API key has sent as many requests in 60 seconds as it may.',
  },
  concurrency_limit_reached: {
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    message: 'This API key has as many requests at once as it may.',
  },
  token_limit_reached: {
    status: 429,
    type: 'tokens',
    code: 'rate_limit_exceeded',
    message: 'This API key has used as many tokens in 60 seconds as it may.',
  },
  request_above_token_limit: {
    status: 429,
    type: 'tokens',
    code: 'rate_limit_exceeded',
    message: 'This request alone asks for more tokens than its API key may use in 60 seconds.',
    shouldRetry: false,
  },
  budget_used_up: {
    status: 429,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message: 'This API key has used the tokens of its budget.',
    shouldRetry: false,
  },
  queue_timeout: {
    status: 504,
    type: 'server_error',
    code: 'timeout',
    message: 'No worker became free in time.',
  },
  deadline_exceeded: {
    status: 504,
    type: 'server_error',
    code: 'timeout',
    message: 'The request was not finished in the time that it asked for.',
    shouldRetry: false,
  },
  request_crashes_workers: {
    status: 500,
    type: 'server_error',
    code: 'request_crashes_workers',
    message: 'Two workers died while they read this request: it is not tried again for some minutes.',
    shouldRetry: false,
  },
  request_aborted: {
    status: 499,
    type: badRequest,
    code: null,
    message: 'The client closed the connection.',
  },
  internal_error: { status: 500, type: 'server_error', code: null, message: 'Internal error.' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof errorTable;

function parameterError<const M extends string>(message: M) {
  return { status: 400, type: badRequest, code: 'parameter' as const, message };
}

/** The JSON body of every error answer; all four keys are always there. */
export const ErrorBody = z.object({
  error: z.object({
    message: z.string().describe('For people; its words may change.'),
    type: z.string().describe('The kind of error, as OpenAI names it.'),
    param: z.string().nullable().describe('The field at fault, as `messages[0].content`.'),
    code: z.string().nullable().describe('For programs.'),
  }),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

export interface ApiErrorOptions {
  readonly message?: string;
  /** The request's field at fault, as `messages[0].content`. */
  readonly param?: string | null;
  /** Sent as the header `retry-after`; the official clients honour up to 60 s. */
  readonly retryAfterSeconds?: number;
  /** Where the request stood in the queue, sent as `x-queue-position` and `x-queue-predicted-start-ms`. */
  readonly queuePlace?: { readonly position: number; readonly predictedStartMs: number | undefined };
  /** The methods a route has, sent as the header `allow`. */
  readonly allow?: readonly string[];
  readonly cause?: unknown;
}

/** What a client sent is quoted in both, and can be as long as a body. */
const maxMessageLength = 1_000;
const maxParamLength = 256;

export function shorten(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}

/** An error whose text is meant for the client. Anything else that is thrown is shown as `internal_error`. */
export class ApiError extends Error {
  readonly errorName: ErrorName;
  readonly status: number;
  readonly param: string | null;
  readonly retryAfterSeconds: number | undefined;
  readonly queuePlace: ApiErrorOptions['queuePlace'];
  readonly allow: readonly string[] | undefined;
  readonly shouldRetry: boolean | undefined;

  constructor(errorName: ErrorName, options: ApiErrorOptions = {}) {
    const row: ErrorRow = errorTable[errorName];
    super(shorten(options.message ?? row.message, maxMessageLength), { cause: options.cause });
    this.name = 'ApiError';
    this.errorName = errorName;
    this.status = row.status;
    this.shouldRetry = row.shouldRetry;
    this.param = options.param == null ? null : shorten(options.param, maxParamLength);
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.queuePlace = options.queuePlace;
    this.allow = options.allow;
  }

  /** The body to send, for a JSON answer and for an error frame in a stream alike. */
  toBody(): ErrorBody {
    const row = errorTable[this.errorName];
    const code = row.code === 'parameter' ? this.errorName : row.code;
    return { error: { message: this.message, type: row.type, param: this.param, code } };
  }
}

/** What body-parser and raw-body put on the errors they throw. */
const bodyParserErrors: Record<string, ErrorName> = {
  'entity.parse.failed': 'invalid_json',
  'entity.too.large': 'body_too_large',
  'encoding.unsupported': 'unsupported_content_type',
  'charset.unsupported': 'unsupported_content_type',
  'request.aborted': 'request_aborted',
  'request.size.invalid': 'invalid_body',
};

/** Maps whatever was thrown to an ApiError; what is unknown becomes `internal_error` with the original as `cause`. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  // Express cannot decode the path, as in /v1/models/%E0.
  if (thrown instanceof URIError) return new ApiError('route_not_found', { cause: thrown });
  if (thrown instanceof Error) {
    const { type, status, limit } = thrown as { type?: unknown; status?: unknown; limit?: unknown };
    if (typeof type === 'string' && Object.hasOwn(bodyParserErrors, type)) {
      const isTooLarge = type === 'entity.too.large' && typeof limit === 'number';
      return new ApiError(bodyParserErrors[type] ?? 'invalid_body', {
        cause: thrown,
        ...(isTooLarge && { message: `The request body is too large: at most ${limit} bytes are accepted.` }),
      });
    }
    if (typeof status === 'number' && status >= 400 && status < 500) {
      return new ApiError('invalid_body', { cause: thrown });
    }
  }
  return new ApiError('internal_error', { cause: thrown });
}
