import { randomInt } from 'node:crypto';
import { ApiError } from '../../protocol/apiError.js';
import { defaultSampling, type Sampling } from '../../protocol/generateRequest.js';
import type { SamplingParameters } from '../../protocol/openai/sampling.js';

/** Where a client gives none, its choices still need one, so that a resumed generation keeps it. */
export function mintSeed(): number {
  return randomInt(0x1_0000_0000);
}

/** A client's sampling parameters in the words of the worker's protocol; what is left out has OpenAI's default. */
export function toSampling(body: SamplingParameters): Sampling {
  return {
    temperature: body.temperature ?? defaultSampling.temperature,
    topP: body.top_p ?? defaultSampling.topP,
    // Some servers say -1 for "all tokens".
    topK: Math.max(0, body.top_k ?? defaultSampling.topK),
    minP: body.min_p ?? defaultSampling.minP,
    seed: body.seed == null ? mintSeed() : toUint32(body.seed),
    presencePenalty: body.presence_penalty ?? defaultSampling.presencePenalty,
    frequencyPenalty: body.frequency_penalty ?? defaultSampling.frequencyPenalty,
    repeatPenalty: body.repeat_penalty ?? body.repetition_penalty ?? defaultSampling.repeatPenalty,
    logitBias: Object.entries(body.logit_bias ?? {}).map(([token, bias]) => ({ token: Number(token), bias })),
  };
}

export function toStopTexts(stop: SamplingParameters['stop']): string[] {
  return typeof stop === 'string' ? [stop] : (stop ?? []);
}

/** Choices of one request differ by their seeds; the first has the client's own. */
export function withSeedOfChoice<T extends { readonly sampling: Sampling }>(request: T, choice: number): T {
  const seed = (request.sampling.seed + choice) % 0x1_0000_0000;
  return { ...request, choice, sampling: { ...request.sampling, seed } };
}

/** @throws ApiError (400) for `stream_options` of an answer that is no stream. */
export function refuseStrayStreamOptions(body: { stream?: unknown; stream_options?: unknown }): void {
  if (body.stream_options == null || body.stream === true) return;
  throw new ApiError('invalid_value', {
    message: "'stream_options' is only allowed together with 'stream': true.",
    param: 'stream_options',
  });
}

/** OpenAI's seeds are 64 bits wide and may be negative; llama.cpp's have 32 bits. */
function toUint32(seed: number): number {
  return Number(BigInt.asUintN(32, BigInt(seed)));
}
