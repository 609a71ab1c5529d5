import { expect, it } from 'vitest';
import { createEmbeddings } from '../../../src/controller/endpoints/embeddings.js';
import type { ExecuteDeps } from '../../../src/controller/endpoints/execute.js';
import { decodeVector, encodeVector, type EmbedRequest } from '../../../src/protocol/embedding.js';
import { anonymousPrincipal } from '../../../src/protocol/generateRequest.js';

const asker = { requestId: 'req_test', principal: { ...anonymousPrincipal, priority: -1 } };

it('are answered to whoever asks, with its own priority and signal', async () => {
  const { signal } = new AbortController();
  const asked: unknown[] = [];
  const deps = {
    models: { ids: () => ['m'], kindOf: () => 'embedding' },
    dispatcher: {
      call: (
        target: object,
        { signal: given }: { signal: AbortSignal },
        run: (url: string, signal: AbortSignal) => Promise<unknown>,
      ) => {
        asked.push(target, given);
        return run('http://worker', given);
      },
    },
    workers: {
      embed: (url: string, request: EmbedRequest, given: AbortSignal) => {
        asked.push(url, request, given);
        return Promise.resolve({
          embeddings: request.inputs.map(() => encodeVector([1, 0])),
          promptTokens: 4,
        });
      },
    },
  } as unknown as ExecuteDeps;

  const answer = await createEmbeddings(deps)({ model: 'm', input: ['a', 'b'] }, asker, signal);

  expect(answer).toEqual({
    object: 'list',
    data: [0, 1].map((index) => ({ object: 'embedding', index, embedding: [1, 0] })),
    model: 'm',
    usage: { prompt_tokens: 4, total_tokens: 4 },
  });
  expect(asked).toEqual([
    expect.objectContaining({ ...asker, model: 'm' }),
    signal,
    'http://worker',
    { model: 'm', principal: asker.principal, inputs: ['a', 'b'], dimensions: null },
    signal,
  ]);
});

it('keep the bits of 32-bit floats on their way', () => {
  const vector = [0, -0.5, Math.fround(1 / 3), Math.fround(-1e-30), 1];
  const text = encodeVector(vector);
  expect(decodeVector(text)).toEqual(vector);
  const bytes = Buffer.from(text, 'base64');
  expect(
    vector.map((_, index) => new DataView(bytes.buffer, bytes.byteOffset).getFloat32(4 * index, true)),
  ).toEqual(vector);
});
