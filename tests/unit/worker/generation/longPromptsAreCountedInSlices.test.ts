import { expect, it } from 'vitest';
import {
  countInSlices,
  refuseHopelessPrompt,
  textsOf,
} from '../../../../src/worker/generation/longPrompt.js';
import { toRequest, toTextRequest } from '../../../support/generate.js';

/** A token is four characters. */
function createTokenizer() {
  const lengths: number[] = [];
  const tokenize = (text: string) => {
    lengths.push(text.length);
    return Array.from({ length: Math.ceil(text.length / 4) }, () => 1);
  };
  return { lengths, tokenize };
}

/** How often something else can run until the work is done. */
async function countTurns(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const done = work.finally(() => (isDone = true));
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  await done;
  return turns;
}

it('while other work goes on', async () => {
  const tokenizer = createTokenizer();
  const texts = ['a'.repeat(1_000_000), 'b'.repeat(600_000)];
  expect(await countTurns(countInSlices(texts, tokenizer, Infinity))).toBeGreaterThan(90);
  expect(Math.max(...tokenizer.lengths)).toBeLessThanOrEqual(16_000);
});

it('wherever the length comes from: one text or many', async () => {
  expect(await countInSlices(['a'.repeat(400_000)], createTokenizer(), Infinity)).toBe(100_000);
  const many = Array.from({ length: 100_000 }, () => 'abcd');
  const tokenizer = createTokenizer();
  const counted = countInSlices(many, tokenizer, Infinity);
  expect(await countTurns(counted)).toBeGreaterThan(20);
  expect(await counted).toBe(100_000);
});

it('no further than to the length at which they are refused', async () => {
  const tokenizer = createTokenizer();
  const refused = refuseHopelessPrompt(toTextRequest('a'.repeat(16_000_000)), tokenizer, 4_096);
  await expect(refused).rejects.toMatchObject({
    failure: { code: 'context_length_exceeded', retryable: false },
    message:
      "This model's maximum context length is 4095 tokens, but your prompt has more than 8192 tokens. Shorten it.",
  });
  expect(tokenizer.lengths).toEqual([16_000, 16_000, 16_000]);
});

it('but not where they are short, or might still fit', async () => {
  const tokenizer = createTokenizer();
  await refuseHopelessPrompt(toTextRequest('a'.repeat(16_000)), tokenizer, 16);
  await refuseHopelessPrompt(toTextRequest(Array.from({ length: 100_000 }, () => 1)), tokenizer, 16);
  expect(tokenizer.lengths).toEqual([]);
  await refuseHopelessPrompt(toTextRequest('a'.repeat(4 * 8_192)), tokenizer, 4_096);
  expect(tokenizer.lengths).toHaveLength(3);
});

it('with everything of a chat that a template shows', () => {
  const chat = toRequest('question', {
    messages: [
      { role: 'system', content: 'rules' },
      {
        role: 'assistant',
        content: 'answer',
        reasoning: 'left out by templates',
        toolCalls: [{ id: 'call_1', name: 'tool', arguments: '{"a":1}' }],
      },
      { role: 'tool', content: 'result', toolCallId: 'call_1' },
    ],
    tools: [{ name: 'tool', description: 'what it does', strict: false }],
    toolChoice: 'auto',
  });
  expect(textsOf(chat)).toEqual(['rules', 'answer', '{"a":1}', 'result', 'what it does']);
  expect(textsOf({ ...chat, toolChoice: 'none' })).toEqual(['rules', 'answer', '{"a":1}', 'result']);
});
