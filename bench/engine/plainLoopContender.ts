import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Contender } from './contender.js';
import { toRunningContender } from './runningContender.js';
import { startServerProcess } from '../support/serverProcess.js';
import type { CompletionDialect } from './streamCompletion.js';

const processFile = fileURLToPath(new URL('./plainLoopProcess.js', import.meta.url));

/** node-llama-cpp as its guide uses it, behind the smallest server that streams. */
export const plainLoopContender: Contender = {
  name: 'plain',
  start: async ({ modelPath, threads, slots, contextTokens, folder }) => {
    const server = await startServerProcess({
      name: 'plain',
      file: process.execPath,
      toArgs: (port) => [processFile, modelPath, `${port}`, `${threads}`, `${slots}`, `${contextTokens}`],
      healthPath: '/health',
      folder,
    });
    return toRunningContender('plain', server, dialect);
  },
};

const Line = z.object({ token: z.number() });

const dialect: CompletionDialect = {
  path: '/completion',
  toBody: ({ prompt, tokens }) => ({ prompt, tokens }),
  readTotalTokens: (line, before) => {
    Line.parse(JSON.parse(line));
    return before + 1;
  },
};
