import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = import.meta.dirname;
const cache = path.resolve('node_modules/.cache/clients');
const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

/** Whether to skip the Python client: there is no pip, and this is not CI, where a missing pip is an error. */
export const skipWithoutPip =
  process.env['CI'] !== 'true' && spawnSync('python3', ['-m', 'pip', '--version']).status !== 0;

/** The time that `beforeAll` should allow a first installation. */
export const installTimeoutMs = 300_000;

/** Version 7 of `openai`, installed by its own lockfile on first use; resolves with the package's folder. */
export async function installOpenAi7(): Promise<string> {
  const lockfile = path.join(here, 'openai7', 'package-lock.json');
  const folder = await installOnce('openai-7', await readFile(lockfile), async (target) => {
    for (const file of ['package.json', 'package-lock.json'])
      await copyFile(path.join(here, 'openai7', file), path.join(target, file));
    // It declares Node 22 and runs on Node 20 as well.
    const flags = ['--engine-strict=false', '--ignore-scripts', '--no-audit', '--no-fund'];
    await run('npm', ['ci', ...flags], { cwd: target });
  });
  return path.join(folder, 'node_modules', 'openai');
}

/** The official Python client, installed by pip (Python 3.11 or newer) on first use; resolves with what `PYTHONPATH` has to name. */
export async function installPythonClient(): Promise<string> {
  const requirements = path.join(here, 'python', 'requirements.txt');
  const { stdout: version } = await run('python3', ['--version']);
  const key = `${await readFile(requirements, 'utf8')}${version}`;
  return installOnce('openai-python', key, async (target) => {
    const flags = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
    await run('python3', ['-m', 'pip', 'install', ...flags, '--target', target, '-r', requirements]);
  });
}

/** A folder of this content, made by `install` where it is missing; test files may ask for it side by side. */
async function installOnce(
  name: string,
  content: string | Buffer,
  install: (target: string) => Promise<void>,
): Promise<string> {
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const folder = path.join(cache, `${name}-${digest}`);
  if (await exists(folder)) return folder;
  process.stdout.write(`Installing the official client ${name} (some seconds, once) ...\n`);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(path.join(cache, 'installing-'));
  try {
    await install(work);
    // Whoever is first wins, and nobody sees a half.
    await rename(work, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  process.stdout.write(`Installed ${name}.\n`);
  return folder;
}
