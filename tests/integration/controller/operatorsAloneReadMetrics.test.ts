import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import { createLimitRate } from '../../../src/controller/limitRate.js';
import { ApiError } from '../../../src/protocol/apiError.js';
import { adminAuthorization, testAdminToken } from '../../support/adminToken.js';
import { clusterAuthorization } from '../../support/clusterToken.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';

const paths = ['/metrics', '/cluster/status'] as const;
/** As a proxy on this machine passes on what came from elsewhere. */
const elsewhere = { 'x-forwarded-for': '192.0.2.1' };

async function ask({ url }: Pick<TestCluster, 'url'>, path: string, headers: Record<string, string> = {}) {
  const { statusCode: status, headers: answered, body } = await request(url + path, { headers });
  return { status, headers: answered, bytes: Buffer.from(await body.arrayBuffer()) };
}

const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

describe.each(paths)('%s', (path) => {
  it('is open to programs on this machine', async () => {
    const cluster = await startTestCluster();
    expect((await ask(cluster, path)).status).toBe(200);
    expect((await ask(cluster, path, { host: 'localhost:9' })).status).toBe(200);
  });

  it.each([
    ['a name that is not of the loopback interface', { host: 'ai.example.com' }],
    ['a proxy that names its client', elsewhere],
    ['a proxy that does so by the standard', { forwarded: 'for=192.0.2.1' }],
    ['a proxy that does so in another way', { 'x-real-ip': '192.0.2.1' }],
    ['a proxy that names itself', { via: '1.1 proxy' }],
  ])('is closed to who comes by %s', async (_what, headers) => {
    const { dataDir, create } = temporaryKeys();
    const key = create().text;
    const cluster = await startTestCluster({ controller: { dataDir, allowedHosts: ['ai.example.com'] } });
    const refused = [
      {},
      { authorization: `Bearer ${key}` },
      clusterAuthorization,
      basic(testAdminToken),
      basic(`${testAdminToken}:`),
      basic(`any:${testAdminToken}x`),
      { authorization: `Basic ${testAdminToken}` },
    ];
    for (const credentials of refused) {
      const answer = await ask(cluster, path, { ...headers, ...credentials });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Basic realm="ai-cluster"');
      expect(answer.bytes.toString()).toContain('"code":"invalid_admin_token"');
    }
  });

  it.each([
    ['a bearer', adminAuthorization],
    ['a password', basic(`prometheus:${testAdminToken}`)],
    ['a password without a user', basic(`:${testAdminToken}`)],
  ])('takes the admin token as %s from elsewhere', async (_what, credentials) => {
    const cluster = await startTestCluster();
    expect((await ask(cluster, path, { ...elsewhere, ...credentials })).status).toBe(200);
  });

  it('is compressed for who asks for it', async () => {
    const nodeIds = Array.from({ length: 9 }, (_, index) => `worker_${index + 1}`);
    const cluster = await startTestCluster({ workers: [], controller: { nodeIds } });
    const plain = await ask(cluster, path);
    expect(plain.headers).not.toHaveProperty('content-encoding');
    for (const [wanted, encoding] of [
      ['gzip', 'gzip'],
      ['gzip, deflate, br', 'br'],
      ['br;q=0.1, gzip;q=0.5, *;q=0.1', 'gzip'],
    ] as const) {
      const answer = await ask(cluster, path, { 'accept-encoding': wanted });
      expect(answer.headers).toMatchObject({ 'content-encoding': encoding, vary: 'Accept-Encoding' });
      expect(answer.headers['content-type']).toBe(plain.headers['content-type']);
      expect(answer.bytes.length).toBeLessThan(plain.bytes.length);
      const text = (encoding === 'br' ? brotliDecompressSync : gunzipSync)(answer.bytes).toString();
      expect(text.slice(0, 20)).toBe(plain.bytes.toString().slice(0, 20));
    }
    for (const unwanted of ['identity', 'gzip;q=0'])
      expect((await ask(cluster, path, { 'accept-encoding': unwanted })).headers).not.toHaveProperty(
        'content-encoding',
      );
  });

  it('is refused to who asks too often', async () => {
    const cluster = await startTestCluster({ workers: [], controller: { nodeIds: [], scrapesPerSecond: 5 } });
    // startTestCluster has asked for the status itself.
    const statuses: number[] = [];
    for (let tries = 0; tries < 30; tries++) statuses.push((await ask(cluster, path)).status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    const refused = await ask(cluster, path);
    if (refused.status === 429) expect(refused.headers['retry-after']).toBe('1');
  });
});

it('what is short is not compressed', async () => {
  const cluster = await startTestCluster({ workers: [], controller: { nodeIds: [], models: [] } });
  const answer = await ask(cluster, '/cluster/status', { 'accept-encoding': 'gzip' });
  expect(answer.bytes.length).toBeLessThan(1024);
  expect(answer.headers).not.toHaveProperty('content-encoding');
});

it('a rate is kept by a clock that only goes forward: a second full of requests, then one at its time', () => {
  let now = 0;
  const limit = createLimitRate(10, () => now);
  const passes = () => {
    try {
      (limit as (...args: unknown[]) => void)({}, {}, () => undefined);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ errorName: 'asked_too_often', retryAfterSeconds: 1 });
      expect(error).toBeInstanceOf(ApiError);
      return false;
    }
  };
  const count = (tries: number) => Array.from({ length: tries }, passes).filter(Boolean).length;
  expect(count(50)).toBe(10);
  now += 99;
  expect(count(5)).toBe(0);
  now += 1;
  expect(count(5)).toBe(1);
  now += 3_600_000;
  expect(count(50)).toBe(10);
});
