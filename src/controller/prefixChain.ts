import { hash } from 'node:crypto';
import { maxPrefixBlocks, prefixBlockBytes, type PrefixChain } from '../protocol/prefix.js';
import type { ChatGenerateRequest, GenerateRequest } from '../protocol/generateRequest.js';

/**
 * Names every prefix of the request's content, in blocks: SHA-256 of the hash before and the block, 64 bits of it.
 * The content is what the prompt is made of, in the order in which templates write it: tools, then messages; a longer
 * conversation has the chain of a shorter one in front of its own. Model and cache namespace are the seed, so that a
 * name never tells anything about other keys' prompts. 100 KB take about a millisecond.
 */
export function toPrefixChain(request: GenerateRequest): PrefixChain {
  const { model, principal, kind } = request;
  const templateOptions = kind === 'chat' ? request.templateOptions : {};
  const content = toContent(request);
  const blocks = Math.min(maxPrefixBlocks, Math.floor(content.length / prefixBlockBytes));
  const hashes: string[] = [];
  let last = sha256(JSON.stringify([model, principal.cacheNamespace, kind, templateOptions]));
  for (let block = 0; block < blocks; block++) {
    const start = block * prefixBlockBytes;
    last = sha256(Buffer.concat([last, content.subarray(start, start + prefixBlockBytes)]));
    hashes.push(last.toString('hex', 0, 8));
  }
  return { hashes, bytes: content.length };
}

/** How long the content is, in UTF-8. */
export function countContentBytes(request: GenerateRequest): number {
  return toContent(request).length;
}

function sha256(data: string | Buffer): Buffer {
  return hash('sha256', data, 'buffer');
}

function toContent(request: GenerateRequest): Buffer {
  if (request.kind === 'chat') return Buffer.from(toChatText(request));
  const { prompt } = request;
  return typeof prompt === 'string' ? Buffer.from(prompt) : Buffer.from(Uint32Array.from(prompt).buffer);
}

/** Each part is a JSON text: what a user writes cannot look like the beginning of another part. */
function toChatText({ tools, toolChoice, messages }: ChatGenerateRequest): string {
  const shown = toolChoice === 'none' ? [] : tools;
  return [...shown, ...messages].map((part) => JSON.stringify(part)).join('');
}
