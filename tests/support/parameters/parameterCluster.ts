import { expect } from 'vitest';
import { startController } from '../../../src/controller/startController.js';
import { encodeVector } from '../../../src/protocol/embedding.js';
import { internalPaths } from '../../../src/protocol/workerApi.js';
import { eventually } from '../eventually.js';
import { startFakeWorker, type PlainCall } from '../fakeWorker.js';
import { captureLog, testControllerOptions } from '../testCluster.js';
import type { Fields } from './parameterCase.js';

/** What came of a request. */
export interface Outcome {
  readonly status: number;
  readonly text: string;
  /** What the workers were asked for, without the id of the request. */
  readonly asked: readonly Fields[];
}

export interface ParameterCluster {
  send(path: string, body: Fields): Promise<Outcome>;
  close(): Promise<void>;
}

const modelsOf = {
  generation: ['test-model', 'other-model'],
  embedding: ['test-embedder', 'other-embedder'],
  ranking: ['test-ranker', 'other-ranker'],
} as const;

/** A controller with a fake worker of each kind, each with two models. */
export async function startParameterCluster(): Promise<ParameterCluster> {
  const kinds = ['generation', 'embedding', 'ranking'] as const;
  const workers = await Promise.all(
    kinds.map((kind, index) =>
      startFakeWorker({
        nodeId: `worker_${index + 1}`,
        kind,
        models: modelsOf[kind],
        plainScript: answerCall,
      }),
    ),
  );
  const controller = await startController({
    ...testControllerOptions,
    models: [],
    nodeIds: workers.map(({ nodeId }) => nodeId),
    logger: captureLog().logger,
  });
  const { url } = controller;
  for (const worker of workers) worker.join(url);
  await eventually(async () => {
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: unknown[] };
    expect(data).toHaveLength(6);
  });

  const readAsked = () =>
    workers.flatMap(({ requests, calls }) => [...requests, ...calls.map(({ body }) => body)] as Fields[]);
  return {
    async send(path, body) {
      const before = new Set(readAsked());
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      const asked = readAsked().filter((fields) => !before.has(fields));
      return {
        status: response.status,
        text,
        asked: asked.map(({ requestId: _minted, ...fields }) => fields),
      };
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.kill()));
      await controller.close();
    },
  };
}

function answerCall({ path, body, answer }: PlainCall): void {
  const countOf = (name: string) => (body[name] as unknown[]).length;
  const pieces = body['withPieces'] === true ? { pieces: [Buffer.from('a').toString('base64')] } : {};
  const answers: Record<string, () => object> = {
    [internalPaths.embed]: () => ({
      embeddings: Array.from({ length: countOf('inputs') }, () => encodeVector([0.6, 0.8])),
      promptTokens: 1,
    }),
    // The later a document, the better it is.
    [internalPaths.rank]: () => ({
      scores: Array.from({ length: countOf('documents') }, (_, index) => index / 10),
      promptTokens: 1,
    }),
    [internalPaths.tokenize]: () => ({ tokens: [1], ...pieces }),
    [internalPaths.detokenize]: () => ({ text: 'a' }),
  };
  answer(answers[path]?.() ?? {});
}
