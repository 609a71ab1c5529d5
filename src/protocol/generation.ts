import { z } from 'zod';
import { HeldPrefixes } from './prefix.js';

/** What a worker answers to a {@link GenerateRequest}: a stream of events, NDJSON, one event a line. */

export const FinishReason = z.enum(['stop', 'length', 'tool_calls']);
export type FinishReason = z.infer<typeof FinishReason>;

const tokenCount = z.int().min(0);

export const TokenUsage = z.object({
  promptTokens: tokenCount,
  completionTokens: tokenCount,
  /** The part of `completionTokens` that was reasoning. */
  reasoningTokens: tokenCount,
  /** The part of `promptTokens` that did not have to be evaluated. */
  cachedTokens: tokenCount,
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
    'invalid_dimensions',
    'unsupported_schema',
    'deadline_exceeded',
    'draining',
    'engine_failed',
  ]),
  message: z.string(),
  retryable: z.boolean(),
  /** The place of the input or document at fault, of several. */
  input: z.int().min(0).optional(),
  /** The tool whose schema is at fault; of schemas, without one it is that of the answer. */
  tool: z.string().optional(),
});
export type GenerationFailure = z.infer<typeof GenerationFailure>;

/** A refusal is a JSON GenerationFailure with this status. */
export const statusOfFailure: Readonly<Record<GenerationFailure['code'], number>> = {
  no_free_slot: 409,
  model_not_loaded: 404,
  context_length_exceeded: 400,
  invalid_request: 400,
  invalid_prompt: 400,
  invalid_dimensions: 400,
  unsupported_schema: 400,
  deadline_exceeded: 408,
  draining: 503,
  engine_failed: 500,
};

/** A piece of the output, after the model's own syntax was taken apart. */
export const OutputDelta = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), delta: z.string() }),
  z.object({ type: z.literal('reasoning'), delta: z.string() }),
  /** The first delta of a call carries its name; `delta` is a piece of the arguments' JSON text. */
  z.object({
    type: z.literal('toolCall'),
    index: z.int().min(0),
    name: z.string().optional(),
    delta: z.string(),
  }),
]);
export type OutputDelta = z.infer<typeof OutputDelta>;

/** A token as its bytes (base64, because a token may be a part of a code point) and its log probability. */
export const TokenLogprob = z.object({
  token: z.int().min(0),
  bytes: z.string(),
  /** Natural logarithm, of the model's own distribution: before penalties, biases, temperature and constraints. */
  logprob: z.number().max(0),
});
export type TokenLogprob = z.infer<typeof TokenLogprob>;

export const SampledLogprob = TokenLogprob.extend({ top: z.array(TokenLogprob) });
export type SampledLogprob = z.infer<typeof SampledLogprob>;

export const GenerationEvent = z.discriminatedUnion('type', [
  /** The slot is owned and the prompt fits: the first event of every stream. */
  z.object({ type: z.literal('accepted'), promptTokens: tokenCount, cachedTokens: tokenCount }),
  /** Sent at least once a second while nothing else is: life, not content. */
  z.object({ type: z.literal('progress'), phase: z.enum(['prefill', 'decode']), tokensDone: tokenCount }),
  /** All tokens sampled since the event before, and what became certain with them (may be nothing). */
  z.object({
    type: z.literal('output'),
    choice: z.int().min(0),
    tokenIds: z.array(z.int().min(0)),
    deltas: z.array(OutputDelta),
    /** One for each of `tokenIds`, where the request asks for them. */
    logprobs: z.array(SampledLogprob).optional(),
    /**
     * With the first tokens, where there are any: the blocks of 64 prompt tokens that the worker evaluated token by
     * token, by number. Whoever resumes the stream does the same, because the two ways round differently.
     */
    splitBlocks: z.array(z.int().min(0)).optional(),
  }),
  /** The prompt itself, once and before any output, where the request asks for an echo. */
  z.object({
    type: z.literal('echo'),
    text: z.string(),
    /** One for each token of the prompt, where the request asks for them; nothing comes before the first token. */
    logprobs: z.array(SampledLogprob.nullable()).optional(),
  }),
  /** Exactly one of `done` and `error` ends a stream. */
  z.object({
    type: z.literal('done'),
    /** What was held back until the end was certain. It comes with `done`, so that it is emitted once. */
    deltas: z.array(OutputDelta),
    finishReason: FinishReason,
    /** Of the request's stop texts, the one that ended the generation, where one did. */
    stopText: z.string().optional(),
    usage: TokenUsage,
    /** What the slot's cache holds of the prompt now, where the request came with a prefix chain. */
    cachedPrefix: HeldPrefixes.optional(),
    timings: z.object({ prefillMs: z.number().min(0), decodeMs: z.number().min(0) }),
  }),
  GenerationFailure.extend({ type: z.literal('error') }),
]);
export type GenerationEvent = z.infer<typeof GenerationEvent>;
