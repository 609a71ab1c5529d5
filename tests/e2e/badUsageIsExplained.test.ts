import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTinyModel } from '../../src/models/tinyModel.js';

const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));

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
    const { code, stderr } = await run(['up', '--port', '80800', '--host', '0.0.0', '--workers', '0'], {
      AI_CLUSTER_SLOTS: 'many',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('4 settings are not valid');
    expect(stderr).toContain('--workers: "0" is not accepted; give a whole number from 1 to 64');
    expect(stderr).toContain('--port: "80800" is not accepted; give a whole number from 0 to 65535');
    expect(stderr).toContain('AI_CLUSTER_SLOTS: "many" is not accepted; give a whole number from 1 to 256');
    expect(stderr).toMatch(/--host: "0\.0\.0" is not accepted; give an IP address or localhost/);
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

  it.each([
    ['up', '--model', 'gpt-4', '--model', 'gpt-5'],
    ['controller', '--model', 'gpt-4', '--model', 'gpt-5'],
    ['models', 'pull', 'gpt-4', 'gpt-5'],
    ['models', 'rm', 'gpt-4', 'gpt-5'],
  ])('%s %s names the models there are and all that are unknown', async (...args) => {
    const { code, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toContain('there is no model "gpt-4"; known names: smollm2-135m-instruct, tiny');
    expect(stderr).toContain('there is no model "gpt-5"');
  });

  it('says of a model file that it is not there, and nothing more', async () => {
    const { code, stderr } = await run(['up', '--model', 'nope.gguf', '--port', '0', '--worker-port', '0']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'ai-cluster: there is no model file nope.gguf\n' });
  });

  it('names a model file that llama.cpp cannot load, once', async () => {
    const whole = path.join(folder, 'whole.gguf');
    await writeTinyModel(whole, {});
    await writeFile(path.join(folder, 'cut.gguf'), (await readFile(whole)).subarray(0, 300_000));
    const { code, stdout, stderr } = await run([
      'up',
      '--model',
      'cut.gguf',
      '--port',
      '0',
      '--worker-port',
      '0',
    ]);
    expect(code).toBe(1);
    expect(
      (stdout + stderr).match(/worker_\d could not start: the model file cut\.gguf could not be/g),
    ).toHaveLength(1);
  });

  it.each([
    ['up', ['--log-dir', '--data-dir']],
    ['controller', ['--log-dir']],
    ['worker', ['--log-dir', '--data-dir']],
  ])('%s names the folders that cannot be written, before it does anything', async (command, flags) => {
    await writeFile(path.join(folder, 'file'), '');
    for (const value of ['file', 'file/below', '/proc/x', '/proc']) {
      const { code, stdout, stderr } = await run([command, ...flags.flatMap((flag) => [flag, value])]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      for (const flag of flags)
        expect(stderr).toContain(`${flag}: ${value} is not a folder that can be written`);
    }
  });

  it.each([
    ['up', '--port', '0', '--worker-port', '0', '--model', 'tiny'],
    ['models', 'pull', 'tiny'],
  ])('%s does the same for the folder of models', async (...args) => {
    const { code, stderr } = await run([...args, '--models-dir', '/proc/x']);
    expect(code).toBe(2);
    expect(stderr).toContain('--models-dir: /proc/x is not a folder that can be written');
  });

  it('says which port is taken and by which setting, once, before it fetches a model', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const taken = `port ${port} is in use (another ai-cluster?); choose another one with`;
    const model = ['--model', 'tiny', '--models-dir', 'other'];
    const free = ['--port', '0', '--worker-port', '0'];
    for (const flag of ['--port', '--worker-port', '--metrics-port']) {
      const args = ['up', ...model, ...free, flag, String(port)];
      expect(await run(args)).toEqual({ code: 1, stdout: '', stderr: `ai-cluster: ${taken} ${flag}\n` });
    }
    for (const [command, flag] of [
      ['worker', '--worker-port'],
      ['worker', '--metrics-port'],
      ['controller', '--port'],
      ['controller', '--metrics-port'],
    ] as const) {
      const own = command === 'worker' ? [...model, '--worker-port', '0'] : ['--port', '0'];
      expect(await run([command, ...own, flag, String(port)])).toMatchObject({
        code: 1,
        stdout: expect.stringContaining(`${taken} ${flag}\n`) as string,
      });
    }
    server.close();
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

  it('says that a worker is no controller, and what a worker alone is missing', async () => {
    const worker = spawn(
      process.execPath,
      [program, 'worker', '--model', 'tiny', '--worker-port', '0', '--gpu', 'off'],
      { cwd: folder },
    );
    let output = '';
    worker.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    await expect.poll(() => output, { timeout: 15_000 }).toContain('worker ready');
    expect(output).toContain('no --controller was given: this worker joins nothing');
    const url = /url=(\S+)/.exec(output)?.[1] ?? '';
    const { code, stderr } = await run(['status', '--controller', url]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `ai-cluster: what answers at ${url} is no controller (status 401): a worker, or another program?\n`,
    });
    worker.kill();
    await once(worker, 'exit');
  });

  it('says that no controller answers', async () => {
    const { code, stderr } = await run(['status', '--port', '9']);
    expect(code).toBe(1);
    expect(stderr).toContain('no controller answers at http://127.0.0.1:9');
  });
});
