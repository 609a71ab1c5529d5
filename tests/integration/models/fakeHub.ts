import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Catalog, ModelSource } from '../../../src/models/catalog.js';
import type { ModelProgress } from '../../../src/models/modelProgress.js';

export interface FakeHub {
  url: string;
  /** Method, path and Range header of every request so far. */
  requests: string[];
  close: () => Promise<void>;
}

/** A server on a free port of 127.0.0.1 that leaves every answer to the test. */
export async function startFakeHub(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<FakeHub> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push([request.method, request.url, request.headers.range].filter(Boolean).join(' '));
    answer(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Sends the file as a hub does, honouring a Range header. */
export function sendFile(request: IncomingMessage, response: ServerResponse, file: Buffer): void {
  const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  if (start === undefined) {
    response.writeHead(200, { 'content-length': file.length }).end(file);
    return;
  }
  const rest = file.subarray(Number(start));
  const range = `bytes ${start}-${file.length - 1}/${file.length}`;
  response.writeHead(206, { 'content-length': rest.length, 'content-range': range }).end(rest);
}

/** Three megabytes that begin as a GGUF does. */
export function createModelBytes(seed = 1): Buffer {
  const bytes = Buffer.alloc(3 * 2 ** 20);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + (i >> 8) * seed) & 0xff;
  bytes.write('GGUF');
  return bytes;
}

export function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export const hubSource: ModelSource = {
  type: 'hugging-face',
  repo: 'owner/repo',
  file: 'sub/model.gguf',
  revision: 'abc123',
};

/** A catalog of one model, `model`, in `model.gguf`. */
export function createCatalog(bytes: Buffer, sources: ModelSource[] = [hubSource]): Catalog {
  const facts = { description: 'a test', license: 'MIT', file: 'model.gguf' };
  const entry = { name: 'model', ...facts, sizeBytes: bytes.length, sha256: digest(bytes), sources };
  return { default: 'model', models: [entry] };
}

/** Collects progress; `failures` are the reasons of the sources that failed. */
export function recordProgress() {
  const events: ModelProgress[] = [];
  return {
    events,
    onProgress: (progress: ModelProgress) => void events.push(progress),
    phases: () => events.map((event) => event.phase),
    failures: () => events.flatMap((event) => (event.phase === 'source-failed' ? [event.reason] : [])),
  };
}
