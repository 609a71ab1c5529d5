import { once } from 'node:events';
import { createServer } from 'node:net';

/** The setting that says which port it is. */
type PortFlag = 'port' | 'worker-port' | 'metrics-port';

/** Rejects with a line for each setting that names a port which is in use; port 0 never is. */
export async function requireFreePorts(
  wanted: readonly { readonly flag: PortFlag; readonly host: string; readonly ports: readonly number[] }[],
): Promise<void> {
  const problems: string[] = [];
  for (const { flag, host, ports } of wanted) {
    try {
      for (const port of ports) await tryListen(host, port);
    } catch (error) {
      problems.push(describeListenError(error, flag));
    }
  }
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

async function tryListen(host: string, port: number): Promise<void> {
  const server = createServer((socket) => socket.destroy()).listen(port, host);
  await once(server, 'listening');
  await new Promise((resolve) => server.close(resolve));
}

/** What to do about a port that cannot be listened on; any other error in its own words. */
export function describeListenError(error: unknown, flag: PortFlag): string {
  const { code, port, message } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') {
    return `port ${port} is in use (another ai-cluster?); choose another one with --${flag}`;
  }
  if (code === 'EACCES' && port !== undefined) {
    return `port ${port} is not for every user; choose one from 1024 on with --${flag}`;
  }
  return error instanceof Error ? message : String(error);
}
