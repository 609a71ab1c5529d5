import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
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

async function runPython(cluster: ClientCluster): Promise<Map<string, string | null>> {
  const env = {
    PATH: process.env['PATH'],
    PYTHONPATH: await installPythonClient(),
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONIOENCODING: 'utf-8',
    LIVE_URL: cluster.live.url,
    BUSY_URL: cluster.busyUrl,
  };
  await cluster.overload();
  const { stdout } = await promisify(execFile)('python3', ['run.py'], { cwd: folder, env });
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
