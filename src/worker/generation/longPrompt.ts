import { setImmediate as nextTick } from 'node:timers/promises';
import type { TextGenerateRequest } from '../../protocol/generateRequest.js';
import type { ChatPromptRequest } from '../chat/chatPrompt.js';
import type { ModelTokenizer } from '../engine/poolingEngine.js';
import { RefusedError } from '../refusedError.js';

/**
 * Tokenizing does not leave the event loop: megabytes take seconds, in which no heartbeat is sent, so that a prompt
 * that nobody could run would make the worker look lost. So texts of such a length are counted in slices first.
 */

/** Take 10 to 50 ms, whatever is in them. */
const sliceCharacters = 16_000;
/** A cut between two slices costs a token or two; templates trim what they are given. */
const hopelessContexts = 2;

type PromptSource = Pick<TextGenerateRequest, 'prompt'> | ChatPromptRequest;

/** Texts that a prompt holds whole; what templates may leave out, as earlier reasoning, is not among them. */
export function textsOf(source: PromptSource): string[] {
  if ('prompt' in source) return typeof source.prompt === 'string' ? [source.prompt] : [];
  const tools = source.toolChoice === 'none' ? [] : source.tools;
  return [
    ...source.messages.flatMap((message) => [
      message.content,
      ...(message.role === 'assistant' ? (message.toolCalls ?? []).map((call) => call.arguments) : []),
    ]),
    ...tools.map(({ description }) => description ?? ''),
  ];
}

/**
 * Tokens of the texts, counted slice by slice while other work goes on in between; counting ends beyond `most`. 0 where
 * they are so short that their prompt can be tokenized at once.
 */
export async function countInSlices(
  texts: readonly string[],
  tokenizer: Pick<ModelTokenizer, 'tokenize'>,
  most: number,
): Promise<number> {
  if (texts.reduce((sum, { length }) => sum + length, 0) <= sliceCharacters) return 0;
  let tokens = 0;
  let characters = 0;
  for (const text of texts) {
    for (let start = 0; start < text.length; start += sliceCharacters) {
      const slice = text.slice(start, start + sliceCharacters);
      tokens += tokenizer.tokenize(slice, { special: false }).length;
      if (tokens > most) return tokens;
      characters += slice.length;
      if (characters < sliceCharacters) continue;
      characters = 0;
      await nextTick();
    }
  }
  return tokens;
}

/** Beyond so many tokens in its texts a prompt does not fit, however its template writes it. */
export function hopelessTokens(contextTokens: number): number {
  return hopelessContexts * contextTokens;
}

/**
 * Looks at a long prompt before it is tokenized as a whole.
 *
 * @throws RefusedError where it cannot fit into the context.
 */
export async function refuseHopelessPrompt(
  source: PromptSource,
  tokenizer: Pick<ModelTokenizer, 'tokenize'>,
  contextTokens: number,
): Promise<void> {
  const most = hopelessTokens(contextTokens);
  const tokens = await countInSlices(textsOf(source), tokenizer, most);
  if (tokens > most) throw contextExceeded(contextTokens, `more than ${most}`);
}

/** The error of a prompt of so many tokens; one token has to be left for the answer. */
export function contextExceeded(contextTokens: number, promptTokens: number | string): RefusedError {
  return new RefusedError(
    'context_length_exceeded',
    `This model's maximum context length is ${contextTokens - 1} tokens, but your prompt has ${promptTokens} tokens. Shorten it.`,
  );
}
