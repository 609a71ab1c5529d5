import type { GenerateRequest } from '../../protocol/generateRequest.js';
import { countContentBytes } from '../prefixChain.js';
import type { TokenNeed } from './tokenNeed.js';

/** What is known of a model. */
export interface ModelTokens {
  /** Prompt and answer together; undefined while no worker has said it. */
  readonly contextTokens: number | undefined;
  /** The usual length of an answer without a bound. */
  readonly outputTokens: number;
  /** What a chat template adds to the bytes of a prompt at most, as far as has been seen. */
  readonly templateTokens: number;
}

/** Begin and end tokens of one input, and those between a query and a document. */
const inputTokens = 8;

/**
 * What generating may use. A token is a byte of text at least, so that a prompt has no more of them than bytes, and no
 * prompt or answer is longer than the context.
 */
export function toGenerationNeed(
  requests: readonly GenerateRequest[],
  choicesPerPrompt: number,
  { contextTokens = Infinity, outputTokens, templateTokens }: ModelTokens,
): TokenNeed {
  const bounded = requests
    .flatMap(({ maxTokens }) => maxTokens ?? [])
    .map((tokens) => Math.min(tokens, contextTokens));
  const likely = (requests.length - bounded.length) * Math.min(Math.ceil(outputTokens), contextTokens);
  const asTokens: number[] = [];
  const prompts = requests
    .filter((_, choice) => choice % choicesPerPrompt === 0)
    .map((request) => {
      const tokens = countPromptTokens(request);
      if (tokens !== undefined) asTokens.push(tokens);
      return Math.min(tokens ?? countContentBytes(request) + templateTokens, contextTokens);
    });
  return { prompts, completion: sum(bounded) + likely, named: sum(bounded) + sum(asTokens) };
}

/** What reading inputs may use, each of them together with a text of `withBytes`. */
export function toReadingNeed(
  inputs: readonly (string | readonly number[])[],
  contextTokens = Infinity,
  withBytes = 0,
): TokenNeed {
  const bounds = inputs.map((input) => {
    const own = typeof input === 'string' ? Buffer.byteLength(input) : input.length;
    return Math.min(own + withBytes + inputTokens, contextTokens);
  });
  const named = inputs.flatMap((input) => (typeof input === 'string' ? [] : input.length));
  return { prompts: [sum(bounds)], completion: 0, named: sum(named) };
}

/** Known where the client sent tokens. */
export function countPromptTokens(request: GenerateRequest): number | undefined {
  return request.kind === 'text' && typeof request.prompt !== 'string' ? request.prompt.length : undefined;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
