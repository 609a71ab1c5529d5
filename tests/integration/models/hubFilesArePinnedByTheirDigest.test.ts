import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listModels } from '../../../src/models/listModels.js';
import { resolveModel } from '../../../src/models/resolveModel.js';
import { createCatalog, createModelBytes, digest, sendFile, startFakeHub, type FakeHub } from './fakeHub.js';

const bytes = createModelBytes();
const name = 'hf:owner/repo/sub/My-Model.gguf';
let modelsDir: string;
let hub: FakeHub;

beforeEach(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), 'ai-cluster-models-'));
});

afterEach(async () => {
  await hub.close();
  await rm(modelsDir, { recursive: true, force: true });
});

function start(headers: Record<string, string>, status = 302, content = bytes) {
  return startFakeHub((request, response) => {
    if (request.method === 'GET') return sendFile(request, response, content);
    response.writeHead(status, { location: '/storage', ...headers }).end();
  });
}

const linked = { 'x-linked-etag': `"${digest(bytes)}"`, 'x-linked-size': String(bytes.length) };
const resolve = () => resolveModel(name, { modelsDir, catalog: createCatalog(bytes), hubUrl: hub.url });

it('takes digest and size from the answer to a HEAD, without following it', async () => {
  hub = await start(linked);
  const path = join(modelsDir, 'hf', 'owner', 'repo', 'sub', 'My-Model.gguf');

  expect(await resolve()).toEqual({ id: 'My-Model', path, sizeBytes: bytes.length, origin: 'hugging-face' });

  expect(digest(await readFile(path))).toBe(digest(bytes));
  const address = '/owner/repo/resolve/main/sub/My-Model.gguf';
  expect(hub.requests).toEqual([`HEAD ${address}`, `GET ${address}`]);
  expect(await listModels(modelsDir, createCatalog(bytes))).toMatchObject([
    { kind: 'hub', name, state: 'verified' },
  ]);
});

it('needs no hub once the file is there', async () => {
  hub = await start(linked);
  await resolve();
  await hub.close();
  expect(await resolve()).toMatchObject({ origin: 'present' });
});

it.each([
  ['no digest', {}],
  [
    'the digest of a small file in git',
    { ...linked, 'x-linked-etag': '"0123456789abcdef0123456789abcdef01234567"' },
  ],
  ['no size', { 'x-linked-etag': linked['x-linked-etag'] }],
])('refuses a file of which the hub tells %s', async (_name, headers) => {
  hub = await start(headers);
  await expect(resolve()).rejects.toMatchObject({
    code: 'not_pinned',
    message: expect.stringContaining('a model that cannot be verified is not run') as string,
  });
  expect(await readdir(modelsDir)).toEqual([]);
});

it('refuses a file that is not what the hub said', async () => {
  hub = await start(linked, 302, createModelBytes(2));
  await expect(resolve()).rejects.toThrow(/the file has the SHA-256/);
});

it('says what a status means', async () => {
  hub = await start({}, 404);
  await expect(resolve()).rejects.toThrow(/HTTP 404: there is no such file/);
});
