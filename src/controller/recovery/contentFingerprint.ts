import { createHash } from 'node:crypto';
import type { GenerateRequest } from '../../protocol/generateRequest.js';

/** What a worker reads of a generation, without what is another one each time that a client asks. */
export function contentOf(request: GenerateRequest): object {
  const { model, sampling, constraint, maxTokens, stop, ignoreEos, topLogprobs } = request;
  const { seed: _minted, ...settings } = sampling;
  const common = { model, settings, constraint, maxTokens, stop, ignoreEos, topLogprobs };
  if (request.kind === 'text') return { ...common, prompt: request.prompt, echo: request.echo };
  const { messages, tools, toolChoice, parallelToolCalls, templateOptions } = request;
  return { ...common, messages, tools, toolChoice, parallelToolCalls, templateOptions };
}

/** The same for the same content, in whatever request it comes. */
export function fingerprintOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url');
}
