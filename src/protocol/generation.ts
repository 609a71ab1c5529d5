import { z } from 'zod';

/**
 * The worker's protocol for generation: one request in, a stream of events out (NDJSON, one event a line).
 * Requests are strict: what a worker does not know it refuses, so that nothing is silently ignored.
 */

/** Who is asking. Without keys it is {@link anonymousPrincipal}. */
export const Principal = z.strictObject({
  keyId: z.string().min(1),
  /** Share of the cluster relative to other keys; 1 is normal. */
  weight: z.number().positive(),
  /** Larger goes first; 0 is normal. */
  priority: z.int(),
  /** Requests share cached prompt prefixes only within one namespace. */
  cacheNamespace: z.string(),
});
export type Principal = z.infer<typeof Principal>;

export const anonymousPrincipal: Principal = {
  keyId: 'anonymous',
  weight: 1,
  priority: 0,
  cacheNamespace: 'anonymous',
};

export const ChatMessage = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
});
export type ChatMessage = z.infer<typeof ChatMessage>;

export const Sampling = z.strictObject({
  /** 0 is greedy. */
  temperature: z.number().min(0).max(2),
  topP: z.number().min(0).max(1),
  /** Minted by the controller where the client gave none, so that a resumed stream keeps it. */
  seed: z.int().min(0).max(0xffffffff),
});
export type Sampling = z.infer<typeof Sampling>;

export const GenerateRequest = z.strictObject({
  requestId: z.string().min(1),
  model: z.string().min(1),
  principal: Principal,
  kind: z.literal('chat'),
  messages: z.array(ChatMessage).min(1),
  sampling: Sampling,
  /** Most tokens to generate, resumed ones included; null is until the end token or the end of the context. */
  maxTokens: z.int().min(1).nullable(),
  /** Generation ends before any of these texts, which are not part of the output. */
  stop: z.array(z.string().min(1)),
  /**
   * Tokens that another worker already generated for this request and the client already has: they are prefilled
   * behind the prompt and replayed silently; only what follows them is emitted.
   */
  resumeTokens: z.array(z.int().min(0)),
});
export type GenerateRequest = z.infer<typeof GenerateRequest>;

export const FinishReason = z.enum(['stop', 'length']);
export type FinishReason = z.infer<typeof FinishReason>;

export const TokenUsage = z.object({
  promptTokens: z.int().min(0),
  completionTokens: z.int().min(0),
  /** The part of `promptTokens` that was still in the slot's KV cache. */
  cachedTokens: z.int().min(0),
});
export type TokenUsage = z.infer<typeof TokenUsage>;

/** Why a worker refuses a generation or ends it early, and whether another worker may do better. */
export const GenerationFailure = z.object({
  code: z.enum([
    'no_free_slot',
    'model_not_loaded',
    'context_length_exceeded',
    'invalid_request',
    'invalid_prompt',
    'draining',
    'engine_failed',
  ]),
  message: z.string(),
  retryable: z.boolean(),
});
export type GenerationFailure = z.infer<typeof GenerationFailure>;

/** A refusal is a JSON GenerationFailure with this status. */
export const statusOfFailure: Readonly<Record<GenerationFailure['code'], number>> = {
  no_free_slot: 409,
  model_not_loaded: 404,
  context_length_exceeded: 400,
  invalid_request: 400,
  invalid_prompt: 400,
  draining: 503,
  engine_failed: 500,
};

export const GenerationEvent = z.discriminatedUnion('type', [
  /** The slot is owned and the prompt fits: the first event of every stream. */
  z.object({ type: z.literal('accepted'), promptTokens: z.int().min(0), cachedTokens: z.int().min(0) }),
  /** Sent at least once a second while nothing else is: life, not content. */
  z.object({
    type: z.literal('progress'),
    phase: z.enum(['prefill', 'decode']),
    tokensDone: z.int().min(0),
  }),
  /** All tokens sampled since the event before, and the text that became certain with them (may be empty). */
  z.object({
    type: z.literal('text'),
    choice: z.int().min(0),
    tokenIds: z.array(z.int().min(0)),
    delta: z.string(),
  }),
  /** Exactly one of `done` and `error` ends a stream. */
  z.object({
    type: z.literal('done'),
    /** Text that was held back until the end was certain. It comes with `done`, so that it is emitted once. */
    delta: z.string(),
    finishReason: FinishReason,
    usage: TokenUsage,
    timings: z.object({ prefillMs: z.number().min(0), decodeMs: z.number().min(0) }),
  }),
  GenerationFailure.extend({ type: z.literal('error') }),
]);
export type GenerationEvent = z.infer<typeof GenerationEvent>;
