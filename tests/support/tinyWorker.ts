import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import winston from 'winston';
import { writeTinyEncoder } from '../../src/models/tinyEncoder.js';
import { writeTinyModel } from '../../src/models/tinyModel.js';
import { GenerationEvent, type GenerationFailure } from '../../src/protocol/generation.js';
import type { GenerateRequest } from '../../src/protocol/generateRequest.js';
import { internalPaths, type NodeReport } from '../../src/protocol/workerApi.js';
import { startWorker } from '../../src/worker/startWorker.js';
import { clusterAuthorization, testClusterToken } from './clusterToken.js';

export interface TinyWorker {
  readonly url: string;
  /** The answer of an internal call: its body where it is 200, else the status and the failure. */
  call<T>(path: string, body: object, signal?: AbortSignal): Promise<Answer<T>>;
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncGenerator<GenerationEvent>;
  health(): Promise<NodeReport>;
  close(): Promise<void>;
}

export type Answer<T> =
  { readonly status: 200; readonly body: T } | { readonly status: number; readonly body: GenerationFailure };

/** A real worker on a real socket with one generated model of each kind: `tiny`, `tiny-embedding`, `tiny-rerank`. */
export async function startTinyWorker(
  options: { slots?: number; controllerUrl?: string } = {},
): Promise<TinyWorker> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-worker-'));
  const models = ['tiny', 'tiny-embedding', 'tiny-rerank'].map((id) => ({
    id,
    path: path.join(folder, `${id}.gguf`),
  }));
  const [chat, embedding, ranking] = models.map((model) => model.path) as [string, string, string];
  await writeTinyModel(chat, { endless: true });
  await writeTinyEncoder(embedding, 'embedding');
  await writeTinyEncoder(ranking, 'ranking');
  const worker = await startWorker({
    nodeId: 'worker_1',
    host: '127.0.0.1',
    port: 0,
    controllerUrl: options.controllerUrl,
    advertiseUrl: undefined,
    clusterToken: testClusterToken,
    models,
    slots: options.slots ?? 2,
    contextTokens: 2048,
    threads: 1,
    gpu: 'off',
    gpuLayers: undefined,
    prefixCache: undefined,
    drainTimeoutMs: 100,
    version: '0.0.0',
    logger: winston.createLogger({ silent: true }),
  });
  const post = (route: string, body: object, signal?: AbortSignal) =>
    fetch(worker.url + route, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...clusterAuthorization },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });

  return {
    url: worker.url,
    call: async <T>(route: string, body: object, signal?: AbortSignal) => {
      const response = await post(route, body, signal);
      return { status: response.status, body: await response.json() } as Answer<T>;
    },
    async *generate(request, signal) {
      const response = await post(internalPaths.generate, request, signal);
      let rest = '';
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield GenerationEvent.parse(JSON.parse(line));
      }
    },
    health: async () =>
      (await (await fetch(`${worker.url}/health`, { headers: clusterAuthorization })).json()) as NodeReport,
    close: async () => {
      await worker.close();
      await rm(folder, { recursive: true });
    },
  };
}
