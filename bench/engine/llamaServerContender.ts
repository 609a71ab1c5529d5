import { z } from 'zod';
import type { Contender } from './contender.js';
import { toRunningContender } from './runningContender.js';
import { startServerProcess } from '../support/serverProcess.js';
import type { CompletionDialect } from './streamCompletion.js';

/** As much for evicted prompts as the worker's `--prefix-cache` has by default; its own default is 8 GiB. */
const promptCacheMebibytes = '1024';
/** The batch of node-llama-cpp, which the other two use. */
const batchTokens = '512';

/** llama.cpp's own server, from the binary that `LLAMA_SERVER` names. */
export const llamaServerContender: Contender = {
  name: 'llama-server',
  start: async ({ modelPath, threads, slots, contextTokens, llamaServer, llamaServerArgs, folder }) => {
    if (llamaServer === undefined) throw new Error('LLAMA_SERVER is not set');
    const server = await startServerProcess({
      name: 'llama-server',
      file: llamaServer,
      toArgs: (port) => [
        ...['--host', '127.0.0.1', '--port', `${port}`, '-m', modelPath, '-ngl', '0', '--no-webui'],
        ...['-t', `${threads}`, '-tb', `${threads}`, '-np', `${slots}`, '-c', `${slots * contextTokens}`],
        ...['-b', batchTokens, '-ub', batchTokens, '-cram', promptCacheMebibytes, '--swa-full', '-lv', '2'],
        ...llamaServerArgs,
      ],
      healthPath: '/health',
      folder,
    });
    return toRunningContender('llama-server', server, dialect);
  },
};

const Chunk = z.object({ tokens_predicted: z.number().optional(), error: z.unknown().optional() });

const dialect: CompletionDialect = {
  path: '/completion',
  toBody: ({ prompt, tokens }) => ({
    prompt,
    n_predict: tokens,
    stream: true,
    cache_prompt: true,
    ignore_eos: true,
    // Nothing but the most likely token is wanted, so nothing else is worked out.
    temperature: 0,
    samplers: ['top_k'],
    top_k: 1,
  }),
  readTotalTokens: (line, before) => {
    if (!line.startsWith('data: ')) {
      if (line.startsWith('error')) throw new Error(`llama-server failed: ${line}`);
      return before;
    }
    const chunk = Chunk.parse(JSON.parse(line.slice('data: '.length)));
    if (chunk.error !== undefined) throw new Error(`llama-server failed: ${line}`);
    return chunk.tokens_predicted ?? before;
  },
};
