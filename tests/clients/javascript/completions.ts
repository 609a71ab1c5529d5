import { expect } from 'vitest';
import type { Behaviour } from './behaviour.js';

const ask = { model: 'tiny', prompt: 'Once upon', temperature: 0, max_tokens: 8 };

export const completions: readonly Behaviour[] = [
  {
    name: 'completes a text, whole and as a stream',
    async run({ client }) {
      const { choices, usage } = await client.completions.create(ask);
      expect(choices[0]).toMatchObject({ index: 0, finish_reason: 'length', logprobs: null });
      expect(usage?.completion_tokens).toBe(8);

      const stream = await client.completions.create({ ...ask, stream: true });
      let text = '';
      for await (const chunk of stream) text += chunk.choices[0]?.text;
      expect(text).toBe(choices[0]?.text);
      expect(text).toMatch(/\w/);
    },
  },
  {
    name: 'completes several prompts of token ids, n times each',
    async run({ client }) {
      const { choices } = await client.completions.create({ ...ask, prompt: [[300, 301], [302]], n: 2 });
      expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
      const single = await client.completions.create({ ...ask, prompt: [302] });
      expect(single.choices[0]?.text).toBe(choices[2]?.text);
    },
  },
  {
    name: 'gets its prompt back with the log probabilities of every token',
    async run({ client }) {
      const { choices } = await client.completions.create({ ...ask, echo: true, logprobs: 2 });
      const [choice] = choices;
      expect(choice?.text.startsWith(ask.prompt)).toBe(true);
      const { tokens = [], token_logprobs, top_logprobs, text_offset } = choice?.logprobs ?? {};
      expect(tokens.length).toBeGreaterThan(8);
      expect([token_logprobs, top_logprobs, text_offset].map((list) => list?.length)).toEqual(
        Array<number>(3).fill(tokens.length),
      );
      expect(token_logprobs?.[0]).toBeNull();
      expect(token_logprobs?.slice(1).every((logprob) => logprob <= 0)).toBe(true);
      expect(text_offset?.[0]).toBe(0);
    },
  },
];
