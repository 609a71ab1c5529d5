import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { requireFreeSpace } from './freeSpace.js';
import { describeRequestError, type HttpClient } from './httpClient.js';
import type { ExpectedFile } from './modelFiles.js';
import type { OnModelProgress } from './modelProgress.js';
import { openPartialFile, type PartialFile } from './partialFile.js';

/** What a download works with. */
export interface DownloadDeps {
  http: HttpClient;
  onProgress: OnModelProgress;
  readFreeBytes: (folder: string) => Promise<number>;
  /** The pause before a dropped connection is taken up again. */
  retryDelayMs: number;
  signal?: AbortSignal;
}

/** How one request ended. `refused` will not get better, `interrupted` may, `restart` needs an empty file first. */
type Transfer =
  { kind: 'complete' } | { kind: 'refused' | 'interrupted' | 'restart'; reason: string; answered: boolean };

const maxFruitlessAttempts = 3;
const fruitfulBytes = 2 ** 20;
const progressEveryMs = 100;
const transientStatuses = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Downloads `url` to `partialPath`, going on where an earlier download stopped, until the file has the expected size
 * and digest. A dropped or stalled connection is taken up again, as often as needed while it makes progress. A server
 * that cannot be reached at all is not tried twice. Rejects with an Error that says why; the partial file stays for
 * the next time, except one that is wrong: that is deleted.
 */
export async function downloadFile(
  url: string,
  partialPath: string,
  expected: ExpectedFile,
  deps: DownloadDeps,
): Promise<void> {
  const partial = await openPartialFile(partialPath, deps.signal);
  let wrong = false;
  try {
    if (partial.receivedBytes > expected.sizeBytes) await partial.restart();
    const missingBytes = expected.sizeBytes - partial.receivedBytes;
    await requireFreeSpace(dirname(partialPath), missingBytes, deps.readFreeBytes);
    if (missingBytes > 0) await transferAll(url, partial, expected, deps);
    wrong = partial.receivedBytes !== expected.sizeBytes || partial.digest() !== expected.sha256;
    if (wrong) {
      throw new Error(`the file has the SHA-256 ${partial.digest()}, expected was ${expected.sha256}`);
    }
  } finally {
    await partial.close();
    if (wrong || partial.receivedBytes === 0) await unlink(partialPath);
  }
}

async function transferAll(
  url: string,
  partial: PartialFile,
  expected: ExpectedFile,
  deps: DownloadDeps,
): Promise<void> {
  let fruitlessAttempts = 0;
  let restarted = false;
  let reached = false;
  for (;;) {
    const before = partial.receivedBytes;
    const transfer = await transferOnce(url, partial, expected, deps);
    if (transfer.kind === 'complete') return;
    deps.signal?.throwIfAborted();
    reached ||= transfer.answered;
    if (transfer.kind === 'refused' || !reached) throw new Error(transfer.reason);
    if (transfer.kind === 'restart') {
      if (restarted) throw new Error(transfer.reason);
      restarted = true;
      await partial.restart();
      continue;
    }
    fruitlessAttempts = partial.receivedBytes - before >= fruitfulBytes ? 0 : fruitlessAttempts + 1;
    if (fruitlessAttempts > maxFruitlessAttempts) throw new Error(transfer.reason);
    await delay(deps.retryDelayMs, undefined, { signal: deps.signal });
  }
}

async function transferOnce(
  url: string,
  partial: PartialFile,
  expected: ExpectedFile,
  deps: DownloadDeps,
): Promise<Transfer> {
  const offset = partial.receivedBytes;
  let response: Dispatcher.ResponseData;
  try {
    const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    response = await deps.http.get(url, { headers, signal: deps.signal });
  } catch (error) {
    return { kind: 'interrupted', reason: describeRequestError(error), answered: false };
  }
  const verdict = judgeResponse(response, offset, expected);
  if (verdict) {
    // Read to its end or cut: either way the body must not stay open.
    await response.body.dump().catch(() => undefined);
    return { ...verdict, answered: true };
  }
  if (response.statusCode === 200 && offset > 0) await partial.restart();
  return receiveBody(response.body, partial, expected, deps);
}

/** Decides from status and headers whether the body continues the file at `offset`; undefined: it does. */
function judgeResponse(
  { statusCode, headers }: Dispatcher.ResponseData,
  offset: number,
  expected: ExpectedFile,
): { kind: 'refused' | 'interrupted' | 'restart'; reason: string } | undefined {
  if (transientStatuses.has(statusCode)) return { kind: 'interrupted', reason: `HTTP ${statusCode}` };
  if (statusCode === 206 && offset > 0) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(headers['content-range']));
    const fits =
      Number(range?.[1]) === offset && ['*', String(expected.sizeBytes)].includes(range?.[2] ?? '');
    if (fits) return undefined;
    return { kind: 'restart', reason: `another range than asked for: ${String(headers['content-range'])}` };
  }
  if (statusCode === 416 && offset > 0) return { kind: 'restart', reason: 'HTTP 416' };
  if (statusCode !== 200) return { kind: 'refused', reason: `HTTP ${statusCode}` };
  const sizeBytes = Number(headers['content-length'] ?? expected.sizeBytes);
  if (sizeBytes === expected.sizeBytes) return undefined;
  return { kind: 'refused', reason: `the file has ${sizeBytes} bytes, expected were ${expected.sizeBytes}` };
}

async function receiveBody(
  body: Dispatcher.ResponseData['body'],
  partial: PartialFile,
  expected: ExpectedFile,
  { onProgress }: DownloadDeps,
): Promise<Transfer> {
  const report = () =>
    onProgress({ phase: 'download', receivedBytes: partial.receivedBytes, totalBytes: expected.sizeBytes });
  let diskError: unknown;
  let reportedMs = performance.now();
  report();
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (partial.receivedBytes + chunk.length > expected.sizeBytes) {
        await partial.restart();
        return {
          kind: 'refused',
          reason: `more than the expected ${expected.sizeBytes} bytes`,
          answered: true,
        };
      }
      await partial.append(chunk).catch((error: unknown) => {
        diskError = error;
        throw error;
      });
      if (performance.now() - reportedMs >= progressEveryMs) {
        reportedMs = performance.now();
        report();
      }
    }
  } catch (error) {
    if (diskError !== undefined) throw error;
    return {
      kind: 'interrupted',
      reason: `the connection broke: ${describeRequestError(error)}`,
      answered: true,
    };
  }
  report();
  if (partial.receivedBytes === expected.sizeBytes) return { kind: 'complete' };
  return { kind: 'interrupted', reason: 'the connection closed before the end', answered: true };
}
