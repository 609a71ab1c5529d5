import OpenAI from 'openai';
import { request } from 'undici';
import { expect } from 'vitest';
import type { ControllerOptions } from '../../src/controller/controllerOptions.js';
import { startController } from '../../src/controller/startController.js';
import { ClusterStatus } from '../../src/protocol/clusterStatus.js';
import { eventually } from './eventually.js';
import { captureLog, testControllerOptions, type LogCapture } from './testCluster.js';
import { startTinyWorker } from './tinyWorker.js';

export interface RealCluster {
  readonly url: string;
  readonly log: LogCapture;
  /** The official client, without retries of its own. */
  readonly client: OpenAI;
  /** Sends a JSON body, or a GET without one. */
  send(path: string, body?: unknown, method?: 'POST' | 'DELETE'): Promise<{ status: number; body: unknown }>;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

/** A controller and a real worker with the models `tiny`, `tiny-embedding` and `tiny-rerank`. */
export async function startRealCluster(options: Partial<ControllerOptions> = {}): Promise<RealCluster> {
  const log = captureLog();
  const controller = await startController({
    ...testControllerOptions,
    models: ['tiny'],
    logger: log.logger,
    ...options,
  });
  const { url } = controller;
  const worker = await startTinyWorker({ controllerUrl: url });
  await eventually(
    async () => {
      const status = ClusterStatus.parse(await (await request(`${url}/cluster/status`)).body.json());
      expect(status.nodes[0]).toMatchObject({ status: 'healthy' });
    },
    { timeout: 30_000 },
  );
  return {
    url,
    log,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 }),
    send: async (path, body, method = 'POST') => {
      const answer = await request(url + path, {
        method: body === undefined && method === 'POST' ? 'GET' : method,
        headers: { 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
      });
      return { status: answer.statusCode, body: await answer.body.json() };
    },
    metrics: async () => (await request(`${url}/metrics`)).body.text(),
    close: async () => {
      await worker.close();
      await controller.close();
    },
  };
}
