import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { exchange, openConnection } from '../../support/rawHttp.js';
import { startTestCluster } from '../../support/testCluster.js';

/** What went wrong in Ollama, Node.js and its packages, and is tried here (docs/security.md). */

const question = { model: 'test-model', messages: [{ role: 'user', content: 'Hello' }] };
const chatPath = '/v1/chat/completions';
const json = { 'content-type': 'application/json' };

describe('Ollama', () => {
  it('CVE-2026-7482: no request makes, loads, copies or pushes a model', async () => {
    const { url, status } = await startTestCluster();
    const before = (await status()).nodes[0]?.models;
    for (const path of ['create', 'push', 'pull', 'copy', 'delete', 'blobs/sha256:0', 'generate', 'tags']) {
      for (const method of ['GET', 'POST', 'HEAD', 'DELETE']) {
        const init = method === 'POST' ? { body: '{"name":"x"}', headers: json } : {};
        expect((await fetch(`${url}/api/${path}`, { method, ...init })).status).toBe(404);
      }
    }
    expect((await status()).nodes[0]?.models).toEqual(before);
  });

  it.each([
    '../../../../etc/passwd',
    '/etc/passwd',
    'sha256:../../../../tmp/x',
    '..\\..\\windows',
    'test-model/../../x',
    'file:///etc/passwd',
    'hf:owner/repo/file.gguf',
    'test-model\0',
    '__proto__',
    'constructor',
  ])(
    'CVE-2024-37032: a model, a file, a batch and an answer are names in a table, never a path: %j',
    async (name) => {
      const { url, workers } = await startTestCluster();
      const asked = await fetch(url + chatPath, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ ...question, model: name }),
      });
      expect([asked.status, ((await asked.json()) as { error: { code: string } }).error.code]).toEqual([
        404,
        'model_not_found',
      ]);
      for (const path of ['models', 'files', 'batches', 'responses']) {
        const encoded = encodeURIComponent(name);
        expect([path, (await fetch(`${url}/v1/${path}/${encoded}`)).status]).toEqual([path, 404]);
      }
      expect((await fetch(`${url}/v1/files/${encodeURIComponent(name)}/content`)).status).toBe(404);
      expect(workers[0]?.requests).toEqual([]);
    },
  );

  it('CVE-2024-28224: a name that was bound to this machine opens nothing', async () => {
    const { url, workers } = await startTestCluster();
    const { port } = new URL(url);
    const body = JSON.stringify(question);
    const { statuses } = await exchange(
      url,
      [
        `POST ${chatPath} HTTP/1.1`,
        `Host: rebound.example:${port}`,
        `Origin: http://rebound.example:${port}`,
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    );
    expect(statuses).toEqual([421]);
    expect(workers[0]?.requests).toEqual([]);
  });

  it('CVE-2024-12886: what is small only while it is compressed is refused', async () => {
    const { url } = await startTestCluster();
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));
    const headers = { ...json, 'content-encoding': 'gzip' };
    const startedAt = performance.now();
    expect((await fetch(url + chatPath, { method: 'POST', headers, body: bomb })).status).toBe(413);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('CVE-2025-0315: numbers of a request allocate nothing by themselves', async () => {
    const { url, workers } = await startTestCluster();
    const huge = [
      { n: 1e9 },
      { n: -1 },
      { top_logprobs: 1e9, logprobs: true },
      { max_tokens: -1 },
      { stop: Array.from({ length: 1e4 }, () => 'x') },
      { logit_bias: Object.fromEntries(Array.from({ length: 2e5 }, (_, id) => [id, 1000])) },
    ];
    for (const fields of huge) {
      const body = JSON.stringify({ ...question, ...fields });
      const response = await fetch(url + chatPath, { method: 'POST', headers: json, body });
      expect([Object.keys(fields), response.status]).toEqual([Object.keys(fields), 400]);
    }
    expect(workers[0]?.requests).toEqual([]);
  });
});

describe('Node.js and body-parser', () => {
  const head = (headers: readonly string[]) =>
    [
      `POST ${chatPath} HTTP/1.1`,
      'Host: localhost',
      'Content-Type: application/json',
      ...headers,
      '',
      '',
    ].join('\r\n');

  it('CVE-2024-22019: what stands beside the bytes of chunks is counted, too', async () => {
    const { url, workers } = await startTestCluster();
    const chunked = head(['Transfer-Encoding: chunked']);
    expect((await exchange(url, `${chunked}1;${'x'.repeat(17_000)}\r\n \r\n`)).statuses).toEqual([413]);

    // And where each is small, all together.
    const socket = openConnection(url);
    const part = `1;${'x'.repeat(15_000)}\r\n \r\n`.repeat(64);
    let sentBytes = 0;
    const send = () => {
      for (let more = true; more && !socket.destroyed; sentBytes += part.length) more = socket.write(part);
    };
    socket.on('drain', send).write(chunked);
    send();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(sentBytes).toBeLessThan(150 * 1024 * 1024);
    expect(workers[0]?.requests).toEqual([]);
  });

  it('CVE-2024-27982: a length behind a space makes no second request', async () => {
    const { url, workers } = await startTestCluster();
    const inner = JSON.stringify(question);
    const smuggled = head([`Content-Length: ${inner.length}`, 'Connection: close']) + inner;
    const bytes = head([` Content-Length: ${smuggled.length}`]) + smuggled;
    expect((await exchange(url, bytes)).statuses).toEqual([400]);
    expect(workers[0]?.requests).toEqual([]);
  });

  it('CVE-2024-45590: forms in an URL are not read at all', async () => {
    const { url } = await startTestCluster();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = `a${'[a]'.repeat(100_000)}=1`;
    const startedAt = performance.now();
    expect((await fetch(url + chatPath, { method: 'POST', headers, body })).status).toBe(415);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('a query is read without depth, and does not hold the event loop', async () => {
    const { url } = await startTestCluster();
    await eventually(async () => expect((await fetch(`${url}/health`)).status).toBe(200));
    const startedAt = performance.now();
    expect([200, 400, 414]).toContain((await fetch(`${url}/v1/files?after${'[a]'.repeat(2_000)}=1`)).status);
    expect([200, 400, 414]).toContain((await fetch(`${url}/v1/files?${'limit=1&'.repeat(900)}`)).status);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
