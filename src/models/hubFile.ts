import { Sha256 } from './catalog.js';
import { describeRequestError, type HttpClient } from './httpClient.js';
import { ModelError } from './modelError.js';
import type { ExpectedFile } from './modelFiles.js';

/** The download address of a file in a repository of Hugging Face, or of a hub that is built like it. */
export function toHubFileUrl(hubUrl: string, file: { repo: string; revision: string; file: string }): string {
  const parts = [...file.repo.split('/'), 'resolve', file.revision, ...file.file.split('/')];
  return `${hubUrl.replace(/\/+$/, '')}/${parts.map(encodeURIComponent).join('/')}`;
}

/**
 * Asks the hub what a file is before it is downloaded: a HEAD on its address answers with a redirect to the storage,
 * and on it the file's SHA-256 as `x-linked-etag` and its size as `x-linked-size` (as `huggingface_hub` reads them).
 * Throws a `ModelError`: `no_source` when the hub cannot be asked, `not_pinned` when it tells no digest.
 */
export async function fetchHubDigest(
  url: string,
  http: HttpClient,
  signal?: AbortSignal,
): Promise<ExpectedFile> {
  const response = await http.head(url, { signal }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new ModelError('no_source', `cannot reach ${url}: ${describeRequestError(cause)}`, { cause });
  });
  await response.body.dump();
  const { statusCode, headers } = response;
  if (statusCode >= 400) {
    throw new ModelError('no_source', `${url} answers HTTP ${statusCode}${hints.get(statusCode) ?? ''}`);
  }
  const sha256 = String(headers['x-linked-etag'] ?? '').replace(/^"(.*)"$/, '$1');
  const sizeBytes = Number(headers['x-linked-size']);
  if (Sha256.safeParse(sha256).success && Number.isSafeInteger(sizeBytes) && sizeBytes > 0) {
    return { sha256, sizeBytes };
  }
  throw new ModelError(
    'not_pinned',
    `${url} tells no SHA-256 and size of the file (HTTP ${statusCode}): a model that cannot be verified is not run. ` +
      'Download it yourself and give its path',
  );
}

const hints = new Map([
  [401, ': there is no such repository, or it is not public'],
  [403, ': the repository asks for an agreement, or it is not public'],
  [404, ': there is no such file'],
]);
