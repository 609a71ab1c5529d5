import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { GenerationEvent } from '../../src/protocol/generation.js';
import {
  anonymousPrincipal,
  defaultSampling,
  type TextGenerateRequest,
} from '../../src/protocol/generateRequest.js';
import { internalPaths } from '../../src/protocol/workerApi.js';
import type { CompletionRequest, Contender } from './contender.js';
import { toRunningContender } from './runningContender.js';
import { startServerProcess } from '../support/serverProcess.js';
import type { CompletionDialect } from './streamCompletion.js';
import { clusterAuthorization } from '../../tests/support/clusterToken.js';

const mainFile = fileURLToPath(new URL('../../../dist/cli/main.cjs', import.meta.url));
const Health = z.object({ models: z.array(z.object({ id: z.string() })).min(1) });

/** The compiled worker as `up` runs it, but by itself, asked with the protocol that the controller speaks. */
export const workerContender: Contender = {
  name: 'worker',
  start: async ({ modelPath, threads, slots, contextTokens, folder }) => {
    const server = await startServerProcess({
      name: 'worker',
      file: process.execPath,
      toArgs: (port) => [
        ...[mainFile, 'worker', '--host', '127.0.0.1', '--worker-port', `${port}`, '--model', modelPath],
        ...[
          '--threads',
          `${threads}`,
          '--slots',
          `${slots}`,
          '--context',
          `${contextTokens}`,
          '--gpu',
          'off',
        ],
        ...['--log-dir', path.join(folder, 'worker-logs'), '--data-dir', path.join(folder, 'worker-data')],
      ],
      healthPath: '/health',
      folder,
    });
    const health = Health.parse(
      await (await fetch(`${server.url}/health`, { headers: clusterAuthorization })).json(),
    );
    return toRunningContender('worker', server, toDialect(health.models[0]?.id ?? ''));
  },
};

function toDialect(model: string): CompletionDialect {
  return {
    path: internalPaths.generate,
    headers: clusterAuthorization,
    toBody: (request) => toTextRequest(model, request),
    readTotalTokens: (line, before) => {
      const event = GenerationEvent.parse(JSON.parse(line));
      if (event.type === 'error') throw new Error(`the worker failed: ${event.message}`);
      return event.type === 'output' ? before + event.tokenIds.length : before;
    },
    readTokenIds: (line) => {
      const event = GenerationEvent.parse(JSON.parse(line));
      return event.type === 'output' ? event.tokenIds : [];
    },
  };
}

/** A greedy request for exactly so many tokens behind these. */
export function toTextRequest(model: string, { prompt, tokens }: CompletionRequest): TextGenerateRequest {
  return {
    requestId: 'req_bench',
    model,
    principal: anonymousPrincipal,
    kind: 'text',
    prompt: [...prompt],
    echo: false,
    choice: 0,
    constraint: { type: 'text' },
    sampling: { ...defaultSampling, temperature: 0, seed: 1 },
    maxTokens: tokens,
    stop: [],
    ignoreEos: true,
    topLogprobs: null,
    deadlineMs: null,
    resumeTokens: [],
  };
}
