import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

describe('the command line', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-cli-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function run(args: string[], env: Record<string, string> = {}) {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    const [code] = (await once(child, 'close')) as [number];
    return { code, stdout, stderr };
  }

  it('names all bad settings in one message and exits with 2', async () => {
    const { code, stderr } = await run(['up', '--port', '80800', '--host', '0.0.0.0'], {
      AI_CLUSTER_SLOTS: 'many',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('--port: "80800" is not accepted; give a whole number from 0 to 65535');
    expect(stderr).toContain('AI_CLUSTER_SLOTS: "many" is not accepted; give a whole number from 1 to 256');
    expect(stderr).toMatch(/--host: "0\.0\.0\.0" is not accepted; give a loopback address/);
  });

  it.each([[['up', '--prot', '1']], [['serve']], [['models', 'pull']]])(
    'refuses %j with 2 and a hint',
    async (args) => {
      const { code, stderr } = await run(args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/unknown option|unknown command|missing required argument/);
      expect(stderr).toContain('--help');
    },
  );

  it('names the models there are when one is unknown', async () => {
    const { code, stderr } = await run(['up', '--model', 'gpt-4']);
    expect(code).toBe(1);
    expect(stderr).toContain('there is no model "gpt-4"; known names: smollm2-135m-instruct, tiny');
  });

  it('says which port is taken, and leaves no process', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, stderr, stdout } = await run([
      ...['up', '--model', 'tiny', '--models-dir', 'other'],
      ...['--port', String(port), '--worker-port', '0'],
    ]);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`EADDRINUSE: address already in use 127.0.0.1:${port}`);
    expect(stdout).not.toContain('is ready.');
  });

  it('lists, pulls and removes models', async () => {
    expect((await run(['models', 'list'])).stdout).toMatch(/tiny +\S+ MB +not downloaded/);
    expect((await run(['models', 'pull', 'tiny'])).stdout).toContain('tiny.gguf');
    expect((await run(['models', 'list'])).stdout).toMatch(/tiny +\S+ MB +verified/);
    expect((await run(['models', 'rm', 'tiny'])).stdout).toContain('tiny: removed');
    const again = await run(['models', 'rm', 'tiny']);
    expect(again).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no model "tiny"') as string,
    });
  });

  it('says that no controller answers', async () => {
    const { code, stderr } = await run(['status', '--port', '9']);
    expect(code).toBe(1);
    expect(stderr).toContain('no controller answers at http://127.0.0.1:9');
  });
});
