import { expect, it } from 'vitest';
import type { z } from 'zod';
import { MessagesRequest } from '../../../src/protocol/anthropic/messages.js';
import { ChatCompletionRequest } from '../../../src/protocol/openai/chatCompletions.js';
import { CompletionRequest } from '../../../src/protocol/openai/completions.js';
import { EmbeddingsRequest } from '../../../src/protocol/openai/embeddings.js';
import { RerankRequest } from '../../../src/protocol/openai/rerank.js';
import { ResponseRequest } from '../../../src/protocol/openai/responses/request.js';
import { DetokenizeBody } from '../../../src/protocol/openai/tokenization.js';
import { parseBody } from '../../../src/protocol/parseBody.js';

/** As many wrong elements as a body of this size can have would fill the memory with what is wrong with each. */
const many = 1_000;

/** An array that counts how often one of its elements is looked at. */
function createWatchedArray(element: unknown): { array: unknown[]; looks(): number } {
  let looks = 0;
  const array = new Proxy(Array<unknown>(many).fill(element), {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) looks++;
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
  return { array, looks: () => looks };
}

const message = (content: unknown) => ({ role: 'user', content });
const bodies: [what: string, z.ZodType, element: unknown, toBody: (array: unknown[]) => object][] = [
  ['messages', ChatCompletionRequest, 1, (messages) => ({ model: 'm', messages })],
  ['messages without a role', ChatCompletionRequest, {}, (messages) => ({ model: 'm', messages })],
  ['parts', ChatCompletionRequest, {}, (parts) => ({ model: 'm', messages: [message(parts)] })],
  [
    'calls without a name',
    ChatCompletionRequest,
    { id: 'a', function: { name: '', arguments: '' } },
    (calls) => ({ model: 'm', messages: [{ role: 'assistant', tool_calls: calls }] }),
  ],
  ['prompts', CompletionRequest, {}, (prompt) => ({ model: 'm', prompt })],
  ['negative tokens', CompletionRequest, -1, (prompt) => ({ model: 'm', prompt })],
  ['tokens with decimals', CompletionRequest, 1.5, (prompt) => ({ model: 'm', prompt })],
  ['tokens beyond all bounds', CompletionRequest, 1e300, (prompt) => ({ model: 'm', prompt })],
  ['inputs', EmbeddingsRequest, null, (input) => ({ model: 'm', input })],
  ['negative tokens', EmbeddingsRequest, -1, (input) => ({ model: 'm', input })],
  ['documents', RerankRequest, 1, (documents) => ({ query: 'q', documents })],
  ['negative tokens', DetokenizeBody, -1, (tokens) => ({ tokens })],
  ['items', ResponseRequest, {}, (input) => ({ model: 'm', input })],
  ['references to nothing', ResponseRequest, { id: '' }, (input) => ({ model: 'm', input })],
  ['parts', ResponseRequest, {}, (parts) => ({ model: 'm', input: [message(parts)] })],
  ['tools', ResponseRequest, 1, (tools) => ({ model: 'm', tools })],
  [
    'tools that are allowed',
    ResponseRequest,
    { type: 'function', name: '' },
    (tools) => ({ model: 'm', tool_choice: { type: 'allowed_tools', mode: 'auto', tools } }),
  ],
  ['messages', MessagesRequest, 1, (messages) => ({ model: 'm', max_tokens: 1, messages })],
  ['blocks', MessagesRequest, {}, (b) => ({ model: 'm', max_tokens: 1, messages: [message(b)] })],
];

it('of too many pairs none is looked at', () => {
  let looks = 0;
  const metadata = new Proxy(Object.fromEntries(Array.from({ length: many }, (_, key) => [key, 1])), {
    get(target, key) {
      looks++;
      return Reflect.get(target, key) as unknown;
    },
  });
  expect(() => parseBody(ResponseRequest, { model: 'm', metadata })).toThrow(/at most 16 properties/);
  expect(looks).toBe(0);
});

it.each(bodies)('of wrong %s no more than the first is looked at', (_what, schema, element, toBody) => {
  const { array, looks } = createWatchedArray(element);
  expect(() => parseBody(schema, toBody(array))).toThrow(/^(Invalid|Missing)/);
  // Each branch of a union looks for itself.
  expect(looks()).toBeLessThan(10);
});
