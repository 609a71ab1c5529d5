import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveModel, type ResolveOptions } from '../../../src/models/resolveModel.js';
import { createCatalog, createModelBytes, digest, hubSource, recordProgress, sendFile } from './fakeHub.js';
import { startFakeHub, type FakeHub } from './fakeHub.js';

const bytes = createModelBytes();
const oneMiB = 2 ** 20;
let modelsDir: string;
let hub: FakeHub | undefined;

beforeEach(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), 'ai-cluster-models-'));
});

afterEach(async () => {
  await hub?.close();
  hub = undefined;
  await rm(modelsDir, { recursive: true, force: true });
});

async function start(answer: (request: IncomingMessage, response: ServerResponse, count: number) => void) {
  hub = await startFakeHub(answer);
  return hub;
}

function resolve(options: Partial<ResolveOptions> = {}) {
  const defaults = { modelsDir, catalog: createCatalog(bytes), hubUrl: hub?.url, retryDelayMs: 0 };
  return resolveModel('model', { ...defaults, ...options });
}

/** What a failing call says. */
async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'it did not fail',
    (error: Error) => error.message,
  );
}

const modelPath = () => join(modelsDir, 'model.gguf');
const partialPath = () => join(modelsDir, 'model.gguf.partial');

describe('a download', () => {
  it('fetches the pinned revision, reports progress, and is not repeated or hashed again', async () => {
    const { requests } = await start((request, response) => sendFile(request, response, bytes));
    const progress = recordProgress();

    const resolved = await resolve({ onProgress: progress.onProgress });

    expect(resolved).toEqual({
      id: 'model',
      path: modelPath(),
      sizeBytes: bytes.length,
      origin: 'hugging-face',
    });
    expect(digest(await readFile(modelPath()))).toBe(digest(bytes));
    expect(requests).toEqual(['GET /owner/repo/resolve/abc123/sub/model.gguf']);
    expect(progress.events.at(0)).toEqual({ phase: 'source', name: `owner/repo on ${hub?.url}` });
    expect(progress.events.at(-1)).toEqual({
      phase: 'download',
      receivedBytes: bytes.length,
      totalBytes: bytes.length,
    });
    expect((await readdir(modelsDir)).sort()).toEqual(['model.gguf', 'model.gguf.verified.json']);

    const again = recordProgress();
    expect(await resolve({ onProgress: again.onProgress })).toMatchObject({ origin: 'present' });
    expect(again.events).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it('goes on where an earlier one stopped', async () => {
    const { requests } = await start((request, response) => sendFile(request, response, bytes));
    await writeFile(partialPath(), bytes.subarray(0, oneMiB));

    await resolve();

    expect(requests).toEqual([`GET /owner/repo/resolve/abc123/sub/model.gguf bytes=${oneMiB}-`]);
    expect(digest(await readFile(modelPath()))).toBe(digest(bytes));
  });

  it('uses a partial file that is already complete without asking for anything', async () => {
    const { requests } = await start((_request, response) => response.writeHead(500).end());
    await writeFile(partialPath(), bytes);

    await resolve();

    expect(requests).toEqual([]);
    expect(digest(await readFile(modelPath()))).toBe(digest(bytes));
  });

  it.each([
    ['answers 200 to a range', 1, (response: ServerResponse) => response.writeHead(200).end(bytes)],
    ['answers 416', 2, (response: ServerResponse) => response.writeHead(416).end()],
    [
      'sends another range',
      2,
      (response: ServerResponse) =>
        response
          .writeHead(206, { 'content-range': `bytes 0-${bytes.length - 1}/${bytes.length}` })
          .end(bytes),
    ],
    [
      'sends a range of another file',
      2,
      (response: ServerResponse) =>
        response.writeHead(206, { 'content-range': `bytes ${oneMiB}-9999999/10000000` }).end('x'),
    ],
  ])('starts over when the server %s', async (_name, expectedRequests, answer) => {
    const { requests } = await start((request, response) =>
      request.headers.range ? answer(response) : sendFile(request, response, bytes),
    );
    await writeFile(partialPath(), bytes.subarray(0, oneMiB));

    await resolve();

    expect(requests).toHaveLength(expectedRequests);
    expect(digest(await readFile(modelPath()))).toBe(digest(bytes));
  });

  it('gives up when connections keep dropping after a few bytes, and goes on from there the next time', async () => {
    const { requests } = await start((request, response, count) => {
      if (count > 4) return sendFile(request, response, bytes);
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      const headers = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
      response.writeHead(from > 0 ? 206 : 200, { ...headers, 'content-length': bytes.length - from });
      response.write(bytes.subarray(from, from + 200_000), () => response.destroy());
    });

    // Less than a megabyte counts as no progress: after the first attempt there are three more.
    const message = await messageOf(resolve());
    expect(message).toContain('the connection broke');
    expect(requests).toHaveLength(4);
    expect(existsSync(partialPath())).toBe(true);

    await resolve();
    expect(requests.at(-1)).toMatch(/bytes=\d{6}-$/);
    expect(digest(await readFile(modelPath()))).toBe(digest(bytes));
  });

  it('resumes within one call after a drop', async () => {
    const { requests } = await start((request, response, count) => {
      if (count > 1) return sendFile(request, response, bytes);
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, oneMiB), () => response.destroy());
    });

    await resolve();

    expect(requests).toHaveLength(2);
    expect(requests[1]).toMatch(/bytes=\d+-$/);
    expect(digest(await readFile(modelPath()))).toBe(digest(bytes));
  });

  it('gives up on a connection that stands still, and takes it up again', async () => {
    const { requests } = await start((request, response, count) => {
      if (count > 1) return sendFile(request, response, bytes);
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, oneMiB));
    });

    await resolve({ stallTimeoutMs: 200 });

    expect(requests).toHaveLength(2);
    expect(digest(await readFile(modelPath()))).toBe(digest(bytes));
  });

  it('follows redirects, and none that leave http', async () => {
    const { requests } = await start((request, response) => {
      if (request.url === '/storage/file') return sendFile(request, response, bytes);
      response.writeHead(302, { location: '/storage/file' }).end();
    });
    await resolve();
    expect(requests).toEqual(['GET /owner/repo/resolve/abc123/sub/model.gguf', 'GET /storage/file']);

    await rm(modelPath());
    await hub?.close();
    await start((_request, response) => response.writeHead(302, { location: 'file:///etc/hostname' }).end());
    expect(await messageOf(resolve())).toContain('only http and https addresses are followed, not file:');
  });

  it('stops when it is told to, and keeps what has arrived', async () => {
    const stop = new AbortController();
    await start((_request, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, oneMiB));
    });
    const onProgress = ({ phase }: { phase: string }) => {
      if (phase === 'download') stop.abort(new Error('stopped by hand'));
    };

    await expect(resolve({ signal: stop.signal, onProgress })).rejects.toThrow('stopped by hand');
    expect(existsSync(modelPath())).toBe(false);
    expect(existsSync(`${modelPath()}.lock`)).toBe(false);
  });
});

describe('a source that does not work', () => {
  it('is one that delivers another content: the partial file is deleted', async () => {
    await start((request, response) => sendFile(request, response, createModelBytes(2)));
    const progress = recordProgress();

    const message = await messageOf(resolve({ onProgress: progress.onProgress }));

    expect(message).toMatch(/the file has the SHA-256 [0-9a-f]{64}, expected was [0-9a-f]{64}/);
    expect(progress.failures()).toHaveLength(1);
    expect(await readdir(modelsDir)).toEqual([]);
  });

  it('is one whose file has another size: it is not even downloaded', async () => {
    await start((request, response) => sendFile(request, response, bytes.subarray(1)));
    expect(await messageOf(resolve())).toContain(`the file has ${bytes.length - 1} bytes, expected were`);
  });

  it('is followed by the next one', async () => {
    await start((request, response) =>
      request.url === '/other.gguf'
        ? sendFile(request, response, bytes)
        : response.writeHead(404).end('not found'),
    );
    const catalog = createCatalog(bytes, [hubSource, { type: 'url', url: `${hub?.url}/other.gguf` }]);
    const progress = recordProgress();

    const resolved = await resolve({ catalog, onProgress: progress.onProgress });

    expect(resolved.origin).toBe('url');
    expect(progress.failures()).toEqual(['HTTP 404']);
  });

  it('ends, as the last one, in a message with every reason and the ways on', async () => {
    const { url, close } = await start(() => undefined);
    await close();
    const catalog = createCatalog(bytes, [hubSource, { type: 'url', url: `${url}/other.gguf` }]);

    await expect(resolve({ catalog })).rejects.toMatchObject({ name: 'ModelError', code: 'no_source' });
    const refused = url.replace('http://', 'connect ECONNREFUSED ');
    expect(await messageOf(resolve({ catalog }))).toBe(
      [
        'the model "model" could not be fetched:',
        `  - owner/repo on ${url}: ${refused}`,
        `  - ${url}/other.gguf: ${refused}`,
        'What else works:',
        '  - a path to any GGUF: make up MODEL=/path/to/model.gguf',
        '  - the generated test model, gibberish: make up MODEL=tiny',
      ].join('\n'),
    );
  });

  it('is any of them when the disk is too small, which is found out before a byte is asked for', async () => {
    const { requests } = await start((request, response) => sendFile(request, response, bytes));

    const message = await messageOf(resolve({ readFreeBytes: () => Promise.resolve(1_000_000) }));

    expect(message).toContain(`not enough disk space in ${modelsDir}: 3.1 MB needed, 1.0 MB available`);
    expect(requests).toEqual([]);
    expect(await readdir(modelsDir)).toEqual([]);
  });
});

describe('a file that is already there', () => {
  it('is verified once and then taken as it is', async () => {
    await writeFile(modelPath(), bytes);
    const progress = recordProgress();
    expect(await resolve({ onProgress: progress.onProgress })).toMatchObject({ origin: 'present' });
    expect(await resolve({ onProgress: progress.onProgress })).toMatchObject({ origin: 'present' });
    expect(progress.phases()).toEqual(['verify']);
  });

  it('is neither used nor deleted when its content is another', async () => {
    const { requests } = await start((request, response) => sendFile(request, response, bytes));
    const other = createModelBytes(2);
    await writeFile(modelPath(), other);

    await expect(resolve()).rejects.toMatchObject({ code: 'wrong_digest' });
    const message = await messageOf(resolve());
    expect(message).toMatch(
      /has the SHA-256 [0-9a-f]{64}, expected are 3145728 bytes and the SHA-256 [0-9a-f]{64}/,
    );
    expect(message).toContain('Delete or rename it');
    expect(digest(await readFile(modelPath()))).toBe(digest(other));
    expect(requests).toEqual([]);
  });

  it('is hashed again after it has changed', async () => {
    await writeFile(modelPath(), bytes);
    await resolve();
    await writeFile(modelPath(), createModelBytes(2));
    await expect(resolve()).rejects.toMatchObject({ code: 'wrong_digest' });
  });
});

describe("a user's own file", () => {
  const options = () => ({ modelsDir, catalog: createCatalog(bytes) });

  it('is used as it is', async () => {
    const path = join(modelsDir, 'Mine.gguf');
    await writeFile(path, 'GGUF and so on');
    expect(await resolveModel(path, options())).toEqual({ id: 'Mine', path, sizeBytes: 14, origin: 'path' });
    expect(await readdir(modelsDir)).toEqual(['Mine.gguf']);
  });

  it('must exist, be a file and begin as a GGUF', async () => {
    await writeFile(join(modelsDir, 'text.gguf'), 'Hello');
    await expect(resolveModel(join(modelsDir, 'none.gguf'), options())).rejects.toMatchObject({
      code: 'file_not_found',
    });
    await expect(resolveModel(join(modelsDir, '/'), options())).rejects.toMatchObject({ code: 'not_a_gguf' });
    await expect(resolveModel(join(modelsDir, 'text.gguf'), options())).rejects.toMatchObject({
      code: 'not_a_gguf',
    });
  });
});
