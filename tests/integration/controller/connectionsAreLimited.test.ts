import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createHttpServer,
  defaultConnectionLimits,
  type ConnectionLimits,
} from '../../../src/controller/httpServer.js';
import { eventually } from '../../support/eventually.js';
import { exchange, openConnection } from '../../support/rawHttp.js';
import { startTestCluster } from '../../support/testCluster.js';

const start = (connectionLimits: Partial<ConnectionLimits> = {}) =>
  startTestCluster({ workers: [], controller: { nodeIds: [], connectionLimits } });

const get = (path: string, headers: readonly string[] = []) =>
  [`GET ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join('\r\n');
const some = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: y`);

describe('the head of a request', () => {
  it.each([
    ['100 headers', get('/health', some(98)), 503],
    ['101 headers', get('/health', some(99)), 431],
    ['2,000 headers', get('/health', some(1_998)), 431],
    ['headers of 16 kB', get('/health', [`X: ${'x'.repeat(16_000)}`]), 503],
    ['headers of 17 kB', get('/health', [`X: ${'x'.repeat(17_000)}`]), 431],
    ['a URL of 8,192 characters', get(`/${'x'.repeat(8_191)}`), 404],
    ['a URL of 8,193 characters', get(`/${'x'.repeat(8_192)}`), 414],
    ['a URL of 17 kB', get(`/${'x'.repeat(17_000)}`), 414],
    ['a query of 17 kB', get(`/v1/files?after=${'x'.repeat(17_000)}`), 414],
    ['two hosts', get('/health', ['Host: evil.example']), 400],
  ])('with %s', async (_what, bytes, status) => {
    const { url } = await start();
    const answer = await exchange(url, bytes);
    expect(answer.statuses).toEqual([status]);
    if (status >= 400 && status !== 503) expect(answer.text).toContain('"type":"invalid_request_error"');
  });

  it('has 10 s, which are looked at twice a second', async () => {
    expect(defaultConnectionLimits.headersTimeoutMs).toBe(10_000);
    const { url } = await start({ headersTimeoutMs: 200 });
    // Nothing at all, a head without an end, and one that comes byte by byte.
    for (const bytes of ['', 'GET /health HTTP/1.1\r\nHost: localhost\r\n', 'trickle']) {
      const startedAt = performance.now();
      const socket = openConnection(url);
      await once(socket, 'connect');
      const head = get('/health');
      let sent = 0;
      const trickle = setInterval(() => bytes === 'trickle' && socket.write(head.charAt(sent++)), 20);
      if (bytes !== 'trickle') socket.write(bytes);
      let received = '';
      socket.setEncoding('utf8').on('data', (text: string) => (received += text));
      await once(socket, 'end');
      clearInterval(trickle);
      expect(received).toMatch(/^HTTP\/1\.1 408 /);
      expect(performance.now() - startedAt).toBeGreaterThan(150);
      expect(performance.now() - startedAt).toBeLessThan(1_200 + 1_000);
    }
  });
});

describe('the body of a request', () => {
  const post = (headers: readonly string[]) =>
    [
      'POST /v1/chat/completions HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      ...headers,
      '',
      '',
    ].join('\r\n');
  const megabyte = 1024 * 1024;

  it('is refused by the length that it names, before it comes', async () => {
    const { url } = await start();
    const socket = openConnection(url);
    socket.write(post([`Content-Length: ${10 * megabyte + 1}`]));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('is refused by the bytes that come, where it names none', async () => {
    const { url } = await start();
    const chunk = `100000\r\n${'x'.repeat(megabyte)}\r\n`;
    const head = post(['Transfer-Encoding: chunked', 'Connection: close']);
    const { statuses } = await exchange(url, head, ...Array.from({ length: 11 }, () => chunk), '0\r\n\r\n');
    expect(statuses).toEqual([413]);
  });

  it('is cut off where it goes on without an end', async () => {
    const { url } = await start();
    const socket = openConnection(url);
    socket.write(post(['Transfer-Encoding: chunked']));
    const chunk = `100000\r\n${'x'.repeat(megabyte)}\r\n`;
    let sent = 0;
    const send = () => {
      while (!socket.destroyed && socket.write(chunk)) sent++;
      sent++;
    };
    socket.on('drain', send);
    send();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(sent).toBeGreaterThan(90);
    expect(sent).toBeLessThan(130);
  });

  it('is refused by what it becomes, where it is compressed', async () => {
    const { url } = await start();
    const bomb = gzipSync(Buffer.alloc(200 * megabyte));
    expect(bomb.length).toBeLessThan(megabyte);
    const before = process.memoryUsage().rss;
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: bomb,
    });
    expect(response.status).toBe(413);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * megabyte);
  });

  it('is refused where its chunks say more beside their bytes than in them', async () => {
    const { url } = await start();
    const head = post(['Transfer-Encoding: chunked', 'Connection: close']);
    const { statuses } = await exchange(url, head, `1;${'x'.repeat(20_000)}\r\n{\r\n0\r\n\r\n`);
    expect(statuses).toEqual([413]);
  });
});

describe('connections', () => {
  it('are closed at once where there are too many, and let in again where some left', async () => {
    const { url, log, close } = await start({ maxConnections: 3 });
    await exchange(url, get('/health'));
    const held = [openConnection(url), openConnection(url), openConnection(url)];
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    for (let tries = 0; tries < 5; tries++) expect((await exchange(url, get('/health'))).text).toBe('');
    held[0]?.destroy();
    await eventually(async () => expect((await exchange(url, get('/health'))).statuses).toEqual([503]));
    await close();
    const lines = log.entries().filter(({ message }) => message === 'connections turned away');
    expect(lines).toEqual([
      expect.objectContaining({ level: 'warn', limit: 3, setting: '--max-connections' }),
    ]);
    expect(lines[0]?.count).toBeGreaterThanOrEqual(5);
  });
});

describe('a client that does not read its answer', () => {
  const size = 64 * 1024 * 1024;
  async function serve(readerStallMs: number) {
    const app = (_req: unknown, res: { end(body: Buffer): void }) => res.end(Buffer.alloc(size));
    const limits = { ...defaultConnectionLimits, readerStallMs };
    const server = createHttpServer(app, limits, { connectionsDropped: () => undefined });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const connections = () =>
      new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
  }

  it('is cut off', async () => {
    const { url, connections } = await serve(200);
    const socket = openConnection(url);
    socket.pause().write(get('/'));
    await eventually(async () => expect(await connections()).toBe(1));
    await eventually(async () => expect(await connections()).toBe(0));
  });

  it('is not where it reads slowly', async () => {
    const { url } = await serve(200);
    const socket = openConnection(url);
    socket.write(get('/'));
    let bytes = 0;
    for await (const chunk of socket) {
      bytes += (chunk as Buffer).length;
      // Slower than the limit by far, in sum.
      if (bytes % (8 * 1024 * 1024) < 70_000) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(bytes).toBeGreaterThan(size);
  });
});

it('a connection is kept for the next request, longer than clients keep theirs', async () => {
  const { url } = await start();
  const socket = openConnection(url);
  const request = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';
  for (let round = 0; round < 3; round++) {
    socket.write(request);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('Keep-Alive: timeout=75');
  }
});
