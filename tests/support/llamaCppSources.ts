import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const bundle = path.resolve('node_modules/node-llama-cpp/llama/gitRelease.bundle');
const cache = path.resolve('node_modules/.cache/llama.cpp');

/**
 * The folder `models` of llama.cpp (MIT licensed) as node-llama-cpp bundles it: real chat templates in `templates/` and
 * real vocabularies in `ggml-vocab-*.gguf`. It is unpacked once, without a network, into an ignored folder.
 */
async function llamaCppModels(): Promise<string> {
  const models = path.join(cache, 'models');
  if (await exists(models)) return models;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(path.join(cache, 'unpacking-'));
  const git = (...args: string[]) => run('git', ['-C', work, ...args]);
  try {
    await git('init', '--quiet', '--bare', 'repository');
    await git('--git-dir=repository', 'fetch', '--quiet', bundle, 'HEAD');
    const { stdout } = await git('--git-dir=repository', 'ls-tree', '--name-only', 'FETCH_HEAD', 'models/');
    const vocabularies = stdout.split('\n').filter((name) => /ggml-vocab-.*\.gguf$/.test(name));
    const archive = path.join(work, 'models.tar');
    await git(
      '--git-dir=repository',
      'archive',
      '-o',
      archive,
      'FETCH_HEAD',
      'models/templates',
      ...vocabularies,
    );
    await run('tar', ['-xf', archive, '-C', work]);
    // Test files run side by side: whoever is first wins, and nobody sees a half.
    await rename(path.join(work, 'models'), models).catch(async (error: unknown) => {
      if (!(await exists(models))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return models;
}

/** Names and sources of llama.cpp's collection of chat templates. */
export async function readChatTemplates(): Promise<{ name: string; source: string }[]> {
  const folder = path.join(await llamaCppModels(), 'templates');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.jinja')).sort();
  return Promise.all(
    files.map(async (file) => ({
      name: file.replace(/\.jinja$/, ''),
      source: await readFile(path.join(folder, file), 'utf8'),
    })),
  );
}

/** Path of a vocabulary without weights, such as `qwen2`. */
export async function vocabularyPath(name: string): Promise<string> {
  return path.join(await llamaCppModels(), `ggml-vocab-${name}.gguf`);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
