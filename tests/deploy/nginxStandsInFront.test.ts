import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Blob } from 'node:buffer';
import OpenAI from 'openai';
import { Agent, fetch as undiciFetch, FormData, request, type Dispatcher, type RequestInit } from 'undici';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { trustOnly } from '../../src/security/trustedCertificates.js';
import {
  createCertificateMaker,
  type CertificateMaker,
  type TestCertificate,
} from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { nginxProgram, startNginx, type Nginx } from '../support/nginx.js';
import { temporaryKeys } from '../support/temporaryKeys.js';
import { startTestCluster, type TestClusterOptions } from '../support/testCluster.js';
import { createTokenGate } from '../support/tokenGate.js';
import { answer } from '../support/workerScripts.js';

const name = 'ai.example.com';

describe.skipIf(nginxProgram === undefined)('behind nginx (skipped where it is not installed)', () => {
  let maker: CertificateMaker;
  let certificate: TestCertificate;
  beforeAll(() => {
    maker = createCertificateMaker();
    certificate = maker.make(name);
  });
  afterAll(() => maker.close());

  /** A client that knows where the name is. */
  function clientOf(nginx: Nginx, apiKey = 'unused') {
    const connect = { ...trustOnly(certificate.cert), servername: name };
    const agent = new Agent({ connect });
    onTestFinished(() => agent.destroy());
    const origin = `https://127.0.0.1:${nginx.httpsPort}`;
    const ask = (path: string, headers: Record<string, string> = {}, method: Dispatcher.HttpMethod = 'GET') =>
      request(origin + path, { method, dispatcher: agent, headers: { host: name, ...headers } });
    const fetchOverTls = (url: string, init: RequestInit) => undiciFetch(url, { ...init, dispatcher: agent });
    const client = new OpenAI({
      baseURL: `${origin}/v1`,
      apiKey,
      maxRetries: 0,
      defaultHeaders: { host: name },
      fetch: fetchOverTls as unknown as typeof fetch,
    });
    const send = (path: string, { headers, ...init }: RequestInit & { headers: Record<string, string> }) =>
      fetchOverTls(origin + path, { ...init, headers: { host: name, ...headers } });
    return { ask, client, send };
  }

  async function start(options: TestClusterOptions = {}) {
    const { dataDir, create } = temporaryKeys();
    const key = create().text;
    const cluster = await startTestCluster({
      ...options,
      controller: { dataDir, allowedHosts: [name], ...options.controller },
    });
    const nginx = await startNginx(cluster.url, certificate);
    onTestFinished(() => nginx.close());
    return { ...cluster, nginx, ...clientOf(nginx, key), key };
  }

  const question = {
    model: 'test-model',
    messages: [{ role: 'user' as const, content: 'Hello' }],
    stream: true as const,
  };

  it('a token arrives when it is written, not when a buffer is full', async () => {
    const gate = createTokenGate();
    const { client } = await start({
      workers: [{ script: answer(['one', 'two'], { gate, tokensBeforeGate: 1 }) }],
    });
    let text = '';
    for await (const { choices } of await client.chat.completions.create(question)) {
      text += choices[0]?.delta.content ?? '';
      // It would never come, if the first one waited for it.
      if (text === 'one') gate.open();
    }
    expect(text).toBe('onetwo');
  });

  it('a long stream arrives whole', async () => {
    const tokens = Array.from({ length: 20_000 }, (_, index) => ` ${index}`);
    const { client } = await start({ workers: [{ script: answer(tokens) }] });
    let text = '';
    for await (const { choices } of await client.chat.completions.create(question))
      text += choices[0]?.delta.content ?? '';
    expect(text).toBe(tokens.join(''));
  }, 60_000);

  it('a client that leaves frees its slot', async () => {
    const gate = createTokenGate();
    const { client, workers } = await start({
      workers: [{ script: answer(['one', 'two'], { gate, tokensBeforeGate: 1 }) }],
    });
    const stream = await client.chat.completions.create(question);
    for await (const { choices } of stream) if (choices[0]?.delta.content === 'one') break;
    await eventually(() => expect(workers[0]?.slotsBusy()).toBe(0));
    expect(workers[0]?.aborts).toHaveLength(1);
  });

  it('large files pass through', async () => {
    const { ask, key, send } = await start();
    const authorization = `Bearer ${key}`;
    const form = new FormData();
    const content = Buffer.alloc(20 * 1024 * 1024, 'x');
    form.set('purpose', 'user_data');
    form.set('file', new Blob([content]), 'large');
    const answered = await send('/v1/files', { method: 'POST', body: form, headers: { authorization } });
    const file = (await answered.json()) as { id: string; bytes: number };
    expect(file.bytes).toBe(content.length);
    const back = await ask(`/v1/files/${file.id}/content`, { authorization });
    expect((await back.body.arrayBuffer()).byteLength).toBe(content.length);
  }, 60_000);

  it('a key is asked for, errors come as they are, and other names are none of ours', async () => {
    const { ask } = await start();
    const statusOf = async (path: string, headers: Record<string, string> = {}) => {
      const { statusCode, body } = await ask(path, headers);
      await body.dump();
      return statusCode;
    };
    expect(await statusOf('/v1/models')).toBe(401);
    expect(await statusOf('/health')).toBe(200);
    expect(await statusOf('/health', { host: 'evil.example' })).toBe(421);
  });

  it.each([
    '/metrics',
    '/cluster/status',
    '/admin/keys',
    '/internal/v1/nodes',
    '//metrics',
    '/%6detrics',
    '/METRICS',
  ])(
    'operators come another way: %s is not there, or asks for a token, also for who calls it localhost',
    async (path) => {
      const { ask } = await start();
      const attempts: Record<string, string>[] = [
        {},
        { host: 'localhost' },
        { host: '127.0.0.1', 'x-forwarded-for': '127.0.0.1' },
      ];
      for (const headers of attempts) {
        const { statusCode, body } = await ask(path, headers);
        await body.dump();
        expect([401, 404]).toContain(statusCode);
      }
    },
  );

  it('its log has the address of a client with the id that is in the log of the controller', async () => {
    const { ask, nginx, log } = await start();
    const { headers, body } = await ask('/v1/models', { 'x-forwarded-for': '192.0.2.1' });
    await body.dump();
    const requestId = String(headers['x-request-id']);
    await eventually(() => expect(nginx.accessLog()).toContain(requestId));
    const line = nginx
      .accessLog()
      .split('\n')
      .find((candidate) => candidate.includes(requestId));
    expect(line).toMatch(/^127\.0\.0\.1 \[\S+\] "GET \/v1\/models" 401 /);
    expect(log.text()).toContain(requestId);
  });

  it('what a client says of addresses is replaced, what it says of itself goes on', async () => {
    let seen: IncomingHttpHeaders = {};
    const upstream = createServer((req, res) => {
      seen = req.headers;
      res.end('{}');
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    onTestFinished(() => void upstream.close());
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const nginx = await startNginx(url, certificate);
    onTestFinished(() => nginx.close());
    const { body } = await clientOf(nginx).ask('/v1/models', {
      'x-forwarded-for': '192.0.2.1',
      'x-real-ip': '192.0.2.2',
      forwarded: 'for=192.0.2.3',
      authorization: 'Bearer sk-x',
    });
    await body.dump();
    expect(seen).toMatchObject({
      host: name,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'https',
      authorization: 'Bearer sk-x',
    });
    expect(JSON.stringify(seen)).not.toContain('192.0.2.');
  });

  it('who comes without TLS is sent to where it is', async () => {
    const { nginx } = await start();
    const answered = await request(`http://127.0.0.1:${nginx.httpPort}/v1/models`, {
      headers: { host: name },
    });
    await answered.body.dump();
    expect([answered.statusCode, answered.headers.location]).toEqual([308, `https://${name}/v1/models`]);
  });
});
