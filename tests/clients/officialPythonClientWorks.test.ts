import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startClientCluster, type ClientCluster } from './clientCluster.js';
import { installPythonClient, installTimeoutMs, skipWithoutPip } from './installClients.js';

const folder = path.join(import.meta.dirname, 'python');
const Result = z.object({ name: z.string(), failure: z.string().nullable() });

/** Known before anything runs, so that each behaviour is a test of its own. */
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.py'))
  .map((file) => readFileSync(path.join(folder, file), 'utf8'))
  .flatMap((source) => [...source.matchAll(/^@behaviour\("(.*)"\)$/gm)].map((match) => match[1] ?? ''));

/** Where Python asks for what only this process can do: a server that overloads the busy cluster whenever it is called. */
async function startControl(cluster: ClientCluster): Promise<{ url: string; close(): void }> {
  const server = createServer((_req, res) => {
    cluster.overload().then(
      () => res.end(),
      (error: unknown) => res.writeHead(500).end(String(error)),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}

async function runPython(cluster: ClientCluster): Promise<Map<string, string | null>> {
  const control = await startControl(cluster);
  const env = {
    PATH: process.env['PATH'],
    PYTHONPATH: await installPythonClient(),
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONIOENCODING: 'utf-8',
    LIVE_URL: cluster.live.url,
    BUSY_URL: cluster.busyUrl,
    OVERLOAD_URL: control.url,
  };
  const { stdout } = await promisify(execFile)('python3', ['run.py'], { cwd: folder, env }).finally(
    control.close,
  );
  const results = stdout.split('\n').filter(Boolean);
  return new Map(
    results.map((line) => Result.parse(JSON.parse(line))).map(({ name, failure }) => [name, failure]),
  );
}

const why = skipWithoutPip ? ' (skipped: python3 with pip is missing)' : '';
describe.skipIf(skipWithoutPip)(`the official Python client${why}`, () => {
  let cluster: ClientCluster;
  let results: Map<string, string | null>;
  beforeAll(async () => {
    cluster = await startClientCluster();
    results = await runPython(cluster);
  }, installTimeoutMs);
  afterAll(() => cluster?.close());

  it.each(names)('%s', (name) => {
    expect(results.get(name)).toBeNull();
  });

  it('ran every behaviour, each under a name of its own', () => {
    expect([...results.keys()].sort()).toEqual([...names].sort());
  });
});
