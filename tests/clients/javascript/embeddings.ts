import { expect } from 'vitest';
import type { Behaviour } from './behaviour.js';

const model = 'tiny-embedding';

function expectUnitVector(embedding: readonly number[]): void {
  expect(embedding.length).toBeGreaterThan(1);
  expect(embedding.every((number) => typeof number === 'number')).toBe(true);
  expect(embedding.reduce((sum, number) => sum + number * number, 0)).toBeCloseTo(1, 3);
}

export const embeddings: readonly Behaviour[] = [
  {
    name: 'gets numbers where it names no format, although it asks for base64 then',
    async run({ client }) {
      const formats: unknown[] = [];
      const spy = client.withOptions({
        fetch: (url, init) => {
          formats.push((JSON.parse(init?.body as string) as Record<string, unknown>)['encoding_format']);
          return fetch(url, init);
        },
      });
      const { data, usage } = await spy.embeddings.create({ model, input: 'every small robot' });
      expect(formats).toEqual(['base64']);
      expectUnitVector(data[0]?.embedding ?? []);
      expect(usage.prompt_tokens).toBeGreaterThan(2);

      const input = 'every small robot';
      const floats = await client.embeddings.create({ model, input, encoding_format: 'float' });
      // The same 32-bit numbers, once as bytes and once in decimals.
      expect(floats.data[0]?.embedding.map(Math.fround)).toEqual(data[0]?.embedding);
    },
  },
  {
    name: 'gets the embeddings of several inputs in their order, as those of each alone',
    async run({ client }) {
      const input = ['robot', 'sea', 'robot'];
      const { data, usage } = await client.embeddings.create({ model, input });
      expect(data.map(({ index }) => index)).toEqual([0, 1, 2]);
      expect(data[2]?.embedding).toEqual(data[0]?.embedding);
      expect(data[1]?.embedding).not.toEqual(data[0]?.embedding);
      const alone = await client.embeddings.create({ model, input: 'sea' });
      expect(alone.data[0]?.embedding).toEqual(data[1]?.embedding);
      expect(usage.total_tokens).toBeGreaterThan(alone.usage.total_tokens);
    },
  },
  {
    name: 'gets embeddings of token ids',
    async run({ client }) {
      const { data } = await client.embeddings.create({ model, input: [[7, 8], [9]] });
      expect(data).toHaveLength(2);
      const single = await client.embeddings.create({ model, input: [9] });
      expect(single.data[0]?.embedding).toEqual(data[1]?.embedding);
    },
  },
  {
    name: 'gets as many dimensions as it asks for, of length 1 again',
    async run({ client }) {
      const { data } = await client.embeddings.create({ model, input: 'robot', dimensions: 4 });
      expect(data[0]?.embedding).toHaveLength(4);
      expectUnitVector(data[0]?.embedding ?? []);
    },
  },
  {
    name: 'gets the bytes where it asks for base64 itself',
    async run({ client }) {
      const { data } = await client.embeddings.create({ model, input: 'robot', encoding_format: 'base64' });
      const bytes = Buffer.from(data[0]?.embedding as unknown as string, 'base64');
      const numbers = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(4 * index));
      const usual = await client.embeddings.create({ model, input: 'robot' });
      expect(numbers).toEqual(usual.data[0]?.embedding);
    },
  },
];
