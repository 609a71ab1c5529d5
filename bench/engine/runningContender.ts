import type { ContenderName, RunningContender } from './contender.js';
import { readProcessMemory } from '../support/procfs.js';
import type { ServerProcess } from '../support/serverProcess.js';
import { streamCompletion, type CompletionDialect } from './streamCompletion.js';

/** A started server and the way to speak with it, as the scenarios see it. */
export function toRunningContender(
  name: ContenderName,
  server: ServerProcess,
  dialect: CompletionDialect,
): RunningContender {
  return {
    name,
    pid: server.pid,
    complete: (request) => streamCompletion(server.url, dialect, request),
    readMemory: () => readProcessMemory(server.pid),
    readHeapBytes: () => readHeapBytes(server.url),
    describe: () => server.describe(),
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    close: async () => {
      // A stopped process would not see the signal that ends it.
      server.signal('SIGCONT');
      await server.close();
    },
  };
}

/** As prom-client's default metrics have it. */
async function readHeapBytes(url: string): Promise<number | undefined> {
  const response = await fetch(`${url}/metrics`, { headers: { connection: 'close' } });
  const line = /^nodejs_heap_size_used_bytes (\S+)/m.exec(await response.text());
  return line ? Number(line[1]) : undefined;
}
