import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { Sha256 } from './catalog.js';
import type { ModelSpec } from './modelSpec.js';

/** What a file has to be before it is used. */
export interface ExpectedFile {
  sizeBytes: number;
  sha256: string;
}

/**
 * Where a model's file lies in the folder of models: a catalog entry directly in it, a file from Hugging Face under
 * `hf/owner/repo/`, so that equal names of two repositories do not meet.
 */
export function toModelPath(modelsDir: string, spec: Exclude<ModelSpec, { kind: 'path' }>): string {
  if (spec.kind === 'catalog') return join(modelsDir, spec.entry.file);
  return join(modelsDir, hubFolder, spec.repo, spec.file);
}

/** The folder, inside the folder of models, of files that came from Hugging Face by `hf:` names. */
export const hubFolder = 'hf';

/** The names of the files beside a model's file: a download on its way, its lock, its staging folder, the sidecar. */
export const besideModel = {
  partial: (path: string): string => `${path}.partial`,
  lock: (path: string): string => `${path}.lock`,
  staging: (path: string): string => `${path}.staging`,
  sidecar: (path: string): string => `${path}.verified.json`,
} as const;

/** What was true when the file was last hashed; a file with another size or time has to be hashed again. */
const Sidecar = z.object({ sha256: Sha256, sizeBytes: z.int(), mtimeMs: z.number() });

/** The digest and size that the file at `path` was verified to have, or undefined when it has changed or never was. */
export async function readVerified(path: string): Promise<ExpectedFile | undefined> {
  const [stats, text] = await Promise.all([
    stat(path).catch(() => undefined),
    readFile(besideModel.sidecar(path), 'utf8').catch(() => undefined),
  ]);
  if (!stats || text === undefined) return undefined;
  const sidecar = Sidecar.safeParse(tryJson(text));
  if (!sidecar.success) return undefined;
  const { sha256, sizeBytes, mtimeMs } = sidecar.data;
  return sizeBytes === stats.size && mtimeMs === stats.mtimeMs ? { sha256, sizeBytes } : undefined;
}

/**
 * Notes beside the file that it has been hashed, so that a later start need not read gigabytes again. Where that
 * cannot be written, as in a read-only image, the file will just be hashed again.
 */
export async function writeVerified(path: string, sha256: string): Promise<void> {
  const { size, mtimeMs } = await stat(path);
  const sidecar: z.infer<typeof Sidecar> = { sha256, sizeBytes: size, mtimeMs };
  await writeFile(besideModel.sidecar(path), `${JSON.stringify(sidecar)}\n`).catch(() => undefined);
}

/** The SHA-256 of a file, in lower-case hexadecimal; rejects when `signal` aborts. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash, { signal });
  return hash.digest('hex');
}

/** Whether the file begins with the four characters that every GGUF begins with. */
export async function hasGgufMagic(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.toString('latin1') === 'GGUF';
  } finally {
    await handle.close();
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
