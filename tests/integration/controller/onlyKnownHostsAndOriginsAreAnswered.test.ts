import { hostname } from 'node:os';
import OpenAI from 'openai';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { startTestCluster } from '../../support/testCluster.js';

const start = (controller: { allowedHosts?: string[]; allowedOrigins?: string[] } = {}) =>
  startTestCluster({ workers: [], controller: { nodeIds: [], ...controller } });

const codeOf = async (url: string, headers: Record<string, string>, method: 'GET' | 'POST' = 'GET') => {
  const { statusCode, body } = await request(url, { method, headers });
  const { error } = JSON.parse(await body.text()) as { error?: { code: string; message: string } };
  return { status: statusCode, code: error?.code, message: error?.message };
};

describe('the Host of a request', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.1:8080',
    '10.1.2.3:80',
    '[::1]:8080',
    '[fd00::1]',
    'localhost',
    'LOCALHOST:1',
    'localhost.',
    hostname(),
    `${hostname().toUpperCase()}:8080`,
  ])('may be %s', async (host) => {
    const { url } = await start();
    expect((await codeOf(`${url}/v1/models`, { host })).status).toBe(200);
  });

  it.each([
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.1',
    '2130706433',
    'evil.example@127.0.0.1',
    '127.0.0.1/evil.example',
    'localhost:x',
    'localhost:80:80',
    '[::1].evil.example',
    '[evil]',
    ' ',
  ])('may not be %j: 421 on every path, and the message names the setting', async (host) => {
    const { url } = await start();
    for (const path of ['/v1/models', '/health', '/metrics', '/docs', '/cluster/status', '/nowhere']) {
      expect(await codeOf(url + path, { host })).toMatchObject({
        status: 421,
        code: 'host_not_allowed',
        message: expect.stringContaining('--allowed-hosts') as string,
      });
    }
  });

  it('may be a name of --allowed-hosts, and below one with a star', async () => {
    const { url } = await start({ allowedHosts: ['ai.example.com', '*.lan'] });
    const statusOf = async (host: string) => (await codeOf(`${url}/v1/models`, { host })).status;
    expect(await statusOf('ai.example.com')).toBe(200);
    expect(await statusOf('AI.example.com:443')).toBe(200);
    expect(await statusOf('a.b.lan')).toBe(200);
    for (const host of ['x.ai.example.com', 'example.com', 'lan', '.lan', 'evillan'])
      expect(await statusOf(host)).toBe(421);
  });

  it('does not matter to workers, who have the token of the cluster', async () => {
    const { url } = await start();
    const answer = await codeOf(`${url}/internal/v1/nodes`, { host: 'controller' }, 'POST');
    expect(answer).toMatchObject({ status: 401, code: 'cluster_token_invalid' });
  });
});

describe('a web page of another origin', () => {
  const origin = 'https://app.example.com';

  it.each(['https://evil.example', 'null', 'http://localhost:3000', 'chrome-extension://abcdef', 'https://'])(
    'as %j is turned away, whatever it asks for, before a preflight says that it may',
    async (other) => {
      const { url } = await start({ allowedOrigins: [origin] });
      for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE'] as const) {
        const { statusCode, headers, body } = await request(`${url}/v1/models`, {
          method,
          headers: { origin: other, 'access-control-request-method': 'POST' },
        });
        expect(await body.json()).toMatchObject({ error: { code: 'origin_not_allowed' } });
        expect(statusCode).toBe(403);
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
    },
  );

  it('is what this server itself is not, with TLS in front or without', async () => {
    const { url } = await start();
    const { host } = new URL(url);
    for (const own of [`http://${host}`, `https://${host}`])
      expect((await codeOf(`${url}/v1/models`, { origin: own })).status).toBe(200);
  });

  it('may call where it is allowed to, and read the headers that the official clients read', async () => {
    const { url } = await start({ allowedOrigins: [origin] });
    const { statusCode, headers } = await request(`${url}/v1/models`, { headers: { origin } });
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    const exposed = String(headers['access-control-expose-headers']).split(',');
    for (const name of ['x-request-id', 'retry-after', 'x-should-retry']) expect(exposed).toContain(name);
  });

  it('reads its errors, too', async () => {
    const { url } = await start({ allowedOrigins: [origin] });
    const { statusCode, headers } = await request(`${url}/v1/models/none`, { headers: { origin } });
    expect([statusCode, headers['access-control-allow-origin']]).toEqual([404, origin]);
  });

  it('may be any one with *', async () => {
    const { url } = await start({ allowedOrigins: ['*'] });
    const { statusCode, headers } = await request(`${url}/v1/models`, { headers: { origin: 'null' } });
    expect([statusCode, headers['access-control-allow-origin']]).toEqual([200, 'null']);
  });

  it('passes its preflight with every header that the official client sends from a browser', async () => {
    const { url } = await start({ allowedOrigins: [origin] });
    const sent: Record<string, string> = {};
    const client = new OpenAI({
      baseURL: `${url}/v1`,
      apiKey: 'sk-test',
      dangerouslyAllowBrowser: true,
      fetch: async (input, init) => {
        new Headers(init?.headers).forEach((value, name) => (sent[name] = value));
        return fetch(input, { ...init, headers: { ...sent, origin } });
      },
    });
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['test-model']);

    // As a browser asks before it sends them.
    const asked = ['content-type', 'x-api-key', 'anthropic-version', ...Object.keys(sent)].sort().join(',');
    expect(asked).toContain('authorization');
    expect(asked).toContain('x-stainless-');
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { statusCode, headers } = await request(`${url}/v1/chat/completions`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': method,
          'access-control-request-headers': asked,
        },
      });
      expect(statusCode).toBe(204);
      expect(headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-headers': asked,
        'access-control-max-age': '600',
      });
      expect(String(headers['access-control-allow-methods']).split(',')).toContain(method);
    }
  });
});

it('nothing is sniffed for another type: not an answer, not an error, not what Node refuses', async () => {
  const { url } = await start();
  for (const path of ['/v1/models', '/health', '/metrics', '/docs', '/openapi.json', '/nowhere', '/v1/%E0']) {
    const { headers, body } = await request(url + path);
    await body.dump();
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
  const refused = await request(url, { headers: { 'x-large': 'x'.repeat(20_000) } });
  await refused.body.dump();
  expect([refused.statusCode, refused.headers['x-content-type-options']]).toEqual([431, 'nosniff']);
});
