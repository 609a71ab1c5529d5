import { z } from 'zod';
import { PrefixChain } from './prefix.js';

/**
 * What a worker is asked to generate. Requests are strict: what a worker does not know it refuses, so that nothing is
 * silently ignored. One request is one sequence: a client's `n` choices are n requests with the same prompt.
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

/** Of all who share their cached prompts with each other. */
export const sharedCacheNamespace = 'shared';

/** A call that the model made, in the history of a chat. `arguments` is JSON text, as the client sent it. */
export const ToolCall = z.strictObject({ id: z.string(), name: z.string().min(1), arguments: z.string() });
export type ToolCall = z.infer<typeof ToolCall>;

export const ChatMessage = z.discriminatedUnion('role', [
  z.strictObject({ role: z.enum(['system', 'developer', 'user']), content: z.string() }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.string(),
    /** What the model thought before the answer; templates may show it to the model again. */
    reasoning: z.string().optional(),
    toolCalls: z.array(ToolCall).optional(),
  }),
  z.strictObject({ role: z.literal('tool'), content: z.string(), toolCallId: z.string() }),
]);
export type ChatMessage = z.infer<typeof ChatMessage>;

export const JsonSchema = z.union([z.boolean(), z.record(z.string(), z.unknown())]);
export type JsonSchema = z.infer<typeof JsonSchema>;

export const ToolDefinition = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/),
  description: z.string().optional(),
  /** JSON Schema of the arguments; without one any object is accepted. */
  parameters: JsonSchema.optional(),
  /** Refuse a schema that cannot be enforced whole, where otherwise a looser one is used. */
  strict: z.boolean(),
});
export type ToolDefinition = z.infer<typeof ToolDefinition>;

export const ToolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  /** This tool, exactly once. */
  z.strictObject({ name: z.string().min(1) }),
]);
export type ToolChoice = z.infer<typeof ToolChoice>;

/** What the text of the answer has to be. */
export const OutputConstraint = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({ type: z.literal('json_schema'), schema: JsonSchema, strict: z.boolean() }),
]);
export type OutputConstraint = z.infer<typeof OutputConstraint>;

/** Logits are divided by the penalty: a much smaller one makes them infinite, and a grammar is lost in them. */
export const minRepeatPenalty = 0.01;

export const maxLogitBiases = 1024;

export const Sampling = z.strictObject({
  /** 0 is greedy. */
  temperature: z.number().min(0).max(2),
  topP: z.number().min(0).max(1),
  /** 0: no limit. */
  topK: z.int().min(0),
  minP: z.number().min(0).max(1),
  /** Minted by the controller where the client gave none, so that a resumed stream keeps it. */
  seed: z.int().min(0).max(0xffffffff),
  /** Penalties look at the generated tokens, not at the prompt. */
  presencePenalty: z.number().min(-2).max(2),
  frequencyPenalty: z.number().min(-2).max(2),
  /** Divides the logits of tokens that were generated before; 1: none. */
  repeatPenalty: z.number().min(minRepeatPenalty).max(10),
  /** Added to the logits of tokens. */
  logitBias: z
    .array(z.strictObject({ token: z.int().min(0), bias: z.number().min(-100).max(100) }))
    .max(maxLogitBiases),
});
export type Sampling = z.infer<typeof Sampling>;

/** What OpenAI's parameters mean where a client leaves them out; the seed is minted. */
export const defaultSampling: Omit<Sampling, 'seed'> = {
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repeatPenalty: 1,
  logitBias: [],
};

/** Switches of a chat template that a client may set (`chat_template_kwargs`). */
export const TemplateOptions = z.strictObject({
  enable_thinking: z.boolean().optional().describe('Whether the model thinks before it answers.'),
  reasoning_effort: z.enum(['low', 'medium', 'high']).optional().describe('How much it thinks.'),
});
export type TemplateOptions = z.infer<typeof TemplateOptions>;

const common = {
  requestId: z.string().min(1),
  model: z.string().min(1),
  principal: Principal,
  /** Which of the client's choices this is; comes back with the output. */
  choice: z.int().min(0),
  sampling: Sampling,
  constraint: OutputConstraint,
  /** Most tokens to generate, resumed ones included; null is until the end token or the end of the context. */
  maxTokens: z.int().min(0).nullable(),
  /** Generation ends before any of these texts, which are not part of the output. */
  stop: z.array(z.string().min(1)),
  /** Never sample an end token: generate up to `maxTokens`. */
  ignoreEos: z.boolean(),
  /** Report each token's log probability and so many of the most likely ones; null: neither. */
  topLogprobs: z.int().min(0).max(20).nullable(),
  /** Milliseconds from the arrival of the request after which it fails; null: never. */
  deadlineMs: z.int().min(1).max(0x7fff_ffff).nullable(),
  /**
   * Tokens that another worker already generated for this request and the client already has: they are prefilled
   * behind the prompt and replayed silently; only what follows them is emitted.
   */
  resumeTokens: z.array(z.int().min(0)),
  /** Of a request that is resumed, what the first worker said in its `output`; absent: none. */
  splitBlocks: z.array(z.int().min(0)).optional(),
  /** Names under which the worker says what it holds of the prompt. */
  prefixChain: PrefixChain.optional(),
};

export const ChatGenerateRequest = z.strictObject({
  ...common,
  kind: z.literal('chat'),
  messages: z.array(ChatMessage).min(1),
  tools: z.array(ToolDefinition).max(256),
  toolChoice: ToolChoice,
  parallelToolCalls: z.boolean(),
  templateOptions: TemplateOptions,
});
export type ChatGenerateRequest = z.infer<typeof ChatGenerateRequest>;

export const TextGenerateRequest = z.strictObject({
  ...common,
  kind: z.literal('text'),
  /** Text is tokenized without control tokens; token ids are taken as they are. */
  prompt: z.union([z.string(), z.array(z.int().min(0))]),
  /** Emit the prompt before the completion. */
  echo: z.boolean(),
});
export type TextGenerateRequest = z.infer<typeof TextGenerateRequest>;

export const GenerateRequest = z.discriminatedUnion('kind', [ChatGenerateRequest, TextGenerateRequest]);
export type GenerateRequest = z.infer<typeof GenerateRequest>;
