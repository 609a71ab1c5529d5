import { sharedCacheNamespace, type GenerateRequest } from '../protocol/generateRequest.js';
import type { PrefixChain } from '../protocol/prefix.js';
import type { CacheSharing } from '../protocol/routing.js';
import type { RequestWork } from '../routing/policy.js';
import { countPromptTokens, type ModelTokens } from './limits/toTokenNeed.js';
import { toPrefixChain } from './prefixChain.js';

export interface RequestWorks {
  /** The request as workers get it, with the names of its prefixes, and what it asks of a worker. */
  prepare(request: GenerateRequest): { readonly request: GenerateRequest; readonly work: RequestWork };
  /** How many tokens the prompt had: corrects the estimates of the model's next ones. */
  learnPrompt(request: GenerateRequest, work: RequestWork, promptTokens: number): void;
  learnOutput(request: GenerateRequest, completionTokens: number): void;
  /** What is to be expected of a request of which nothing is known but its model. */
  likelyTokens(model: string): Pick<ModelTokens, 'outputTokens' | 'templateTokens'>;
}

/** Before anything is known of a model. */
const first = { bytesPerToken: 4, outputTokens: 128, templateTokens: 64 };
/** Weight of the newest value in the means. */
const smoothing = 0.1;
/** Shorter ones say more about the template than about the text. */
const leastPromptTokens = 64;

/** What requests ask of workers, estimated from what the model's last ones did: the controller has no tokenizer. */
export function createRequestWorks(sharing: CacheSharing): RequestWorks {
  const bytesPerToken = new Map<string, Mean>();
  const outputTokens = new Map<string, Mean>();
  const templateTokens = new Map<string, number>();
  const chainOf = rememberLast(toPrefixChain);
  const outputTokensOf = (model: string) => outputTokens.get(model)?.value ?? first.outputTokens;
  const templateTokensOf = (model: string) => templateTokens.get(model) ?? first.templateTokens;

  return {
    prepare(given) {
      const request = sharing === 'all' ? withSharedCaches(given) : given;
      const prefixChain = chainOf(request);
      const { model, maxTokens } = request;
      const { bytes: promptBytes } = prefixChain;
      const bytesOfToken = bytesPerToken.get(model)?.value ?? first.bytesPerToken;
      const work = {
        promptBytes,
        promptTokens: countPromptTokens(request) ?? Math.ceil(promptBytes / bytesOfToken),
        outputTokens: Math.min(maxTokens ?? Infinity, outputTokensOf(model)),
        prefixChain,
      };
      return { request: { ...request, prefixChain }, work };
    },
    learnPrompt(request, { promptBytes }, promptTokens) {
      if (countPromptTokens(request) !== undefined) return;
      const { model } = request;
      templateTokens.set(model, Math.max(templateTokensOf(model), promptTokens - promptBytes));
      if (promptTokens < leastPromptTokens) return;
      learn(bytesPerToken, model, promptBytes / promptTokens);
    },
    learnOutput: ({ model }, tokens) => learn(outputTokens, model, tokens),
    likelyTokens: (model) => ({
      outputTokens: outputTokensOf(model),
      templateTokens: templateTokensOf(model),
    }),
  };
}

/** What reading texts without generating any is likely to ask of a worker. */
export function toReadingWork(inputs: readonly (string | readonly number[])[]): RequestWork {
  const bytesOf = (input: string | readonly number[]) =>
    typeof input === 'string' ? Buffer.byteLength(input) : input.length * first.bytesPerToken;
  const promptBytes = inputs.reduce((sum, input) => sum + bytesOf(input), 0);
  const promptTokens = Math.ceil(promptBytes / first.bytesPerToken);
  return { promptBytes, promptTokens, outputTokens: 0, prefixChain: { hashes: [], bytes: promptBytes } };
}

interface Mean {
  readonly value: number;
  readonly count: number;
}

/** The first values weigh the same, later ones count for more than those long ago. */
function learn(means: Map<string, Mean>, model: string, newest: number): void {
  const { value, count } = means.get(model) ?? { value: newest, count: 0 };
  const weight = Math.max(smoothing, 1 / (count + 1));
  means.set(model, { value: value + weight * (newest - value), count: count + 1 });
}

function withSharedCaches(request: GenerateRequest): GenerateRequest {
  return { ...request, principal: { ...request.principal, cacheNamespace: sharedCacheNamespace } };
}

/** The choices of a client's request come one after another and have the same prompt. */
function rememberLast(toChain: (request: GenerateRequest) => PrefixChain) {
  let last: { readonly request: GenerateRequest; readonly chain: PrefixChain } | undefined;
  return (request: GenerateRequest): PrefixChain => {
    if (!last || !hasSamePrompt(last.request, request)) last = { request, chain: toChain(request) };
    return last.chain;
  };
}

function hasSamePrompt(a: GenerateRequest, b: GenerateRequest): boolean {
  return a.requestId === b.requestId && promptOf(a) === promptOf(b);
}

function promptOf(request: GenerateRequest): unknown {
  return request.kind === 'chat' ? request.messages : request.prompt;
}
