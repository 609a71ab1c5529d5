import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { ApiKeySettings, NewApiKey } from '../../../src/protocol/apiKeys.js';
import { defaultKeySettings } from '../../../src/protocol/apiKeys.js';
import { adminAuthorization } from '../../support/adminToken.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';

type Method = 'GET' | 'POST' | 'PATCH';

async function ask(cluster: TestCluster, method: Method, path: string, body?: object) {
  const answer = await request(cluster.url + path, {
    method,
    headers: { ...adminAuthorization, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const { statusCode: status, headers } = answer;
  return { status, headers, body: (await answer.body.json()) as Record<string, unknown> };
}

async function create(cluster: TestCluster, settings: Partial<ApiKeySettings> = {}): Promise<NewApiKey> {
  const { body } = await ask(cluster, 'POST', '/admin/keys', { name: 'test', ...settings });
  return body as unknown as NewApiKey;
}

/** Whether a client comes in with it. */
async function statusWith(cluster: TestCluster, text: string): Promise<number> {
  const answer = await request(`${cluster.url}/v1/models`, { headers: { authorization: `Bearer ${text}` } });
  await answer.body.dump();
  return answer.statusCode;
}

describe('a key of the admin API', () => {
  it('is made with its settings, shown whole this once, and works at once', async () => {
    const { dataDir } = temporaryKeys();
    const cluster = await startTestCluster({ workers: [], controller: { dataDir } });
    expect(await statusWith(cluster, 'none')).toBe(200);
    const settings = {
      name: 'Team blue',
      models: ['m'],
      requestsPerMinute: 3,
      weight: 2.5,
      priority: 'batch',
    };
    const { status, headers, body } = await ask(cluster, 'POST', '/admin/keys', settings);
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    const { key, ...rest } = body;
    expect(rest).toEqual({
      ...defaultKeySettings,
      ...settings,
      id: String(key).slice(0, 13),
      state: 'active',
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    });
    expect(await statusWith(cluster, String(key))).toBe(200);
    expect(await statusWith(cluster, 'none')).toBe(401);

    const path = `/admin/keys/${String(rest['id'])}`;
    expect((await ask(cluster, 'GET', path)).body).toEqual(rest);
    expect((await ask(cluster, 'GET', '/admin/keys')).body).toEqual({ keys: [rest] });
  });

  it('is changed, rotated, disabled, enabled and revoked with its answer', async () => {
    const { dataDir } = temporaryKeys();
    const cluster = await startTestCluster({ workers: [], controller: { dataDir } });
    const { key: text, ...key } = await create(cluster, { tokensPerDay: 5 });
    const path = `/admin/keys/${key.id}`;

    const changes = { tokensPerDay: null, expiresAt: '2100-01-01T00:00:00Z', models: ['m'] };
    const changed = { ...key, ...changes };
    expect((await ask(cluster, 'PATCH', path, changes)).body).toEqual(changed);
    expect((await ask(cluster, 'PATCH', path, {})).body).toEqual(changed);

    expect((await ask(cluster, 'POST', `${path}/disable`)).body).toEqual({ ...changed, state: 'disabled' });
    expect(await statusWith(cluster, text)).toBe(401);
    expect((await ask(cluster, 'POST', `${path}/enable`)).body).toEqual(changed);
    expect(await statusWith(cluster, text)).toBe(200);

    const { body: rotated, headers } = await ask(cluster, 'POST', `${path}/rotate`);
    expect(headers['cache-control']).toBe('no-store');
    expect(rotated).toEqual({ ...changed, key: expect.stringMatching(`^${key.id}-`) as string });
    expect(await statusWith(cluster, text)).toBe(401);
    expect(await statusWith(cluster, String(rotated['key']))).toBe(200);

    const revoked = { ...changed, state: 'revoked' };
    expect((await ask(cluster, 'POST', `${path}/revoke`)).body).toEqual(revoked);
    expect((await ask(cluster, 'POST', `${path}/revoke`)).body).toEqual(revoked);
    expect(await statusWith(cluster, String(rotated['key']))).toBe(401);
    for (const [method, action, body] of [
      ['POST', '/enable', undefined],
      ['POST', '/disable', undefined],
      ['POST', '/rotate', undefined],
      ['PATCH', '', { name: 'x' }],
    ] as const) {
      expect(await ask(cluster, method, path + action, body)).toMatchObject({
        status: 409,
        body: { error: { code: 'key_revoked' } },
      });
    }
    expect((await ask(cluster, 'GET', '/admin/keys')).body).toEqual({ keys: [revoked] });
  });

  it('that is not there is 404, without an echo of what may be a key', async () => {
    const cluster = await startTestCluster({ workers: [] });
    const text = `sk-abcdefghij-${'x'.repeat(43)}`;
    for (const [method, action, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { name: 'x' }],
      ['POST', '/rotate', undefined],
      ['POST', '/disable', undefined],
      ['POST', '/enable', undefined],
      ['POST', '/revoke', undefined],
    ] as const) {
      expect(await ask(cluster, method, `/admin/keys/${text}${action}`, body)).toMatchObject({
        status: 404,
        body: { error: { message: 'There is no such key.', code: 'key_not_found' } },
      });
    }
    expect(cluster.log.text()).not.toContain('xxxxx');
  });
});

it.each([
  [{}, 'missing_required_parameter', 'name'],
  [{ name: '' }, 'empty_string', 'name'],
  [{ name: null }, 'invalid_type', 'name'],
  [{ name: 'x', requestPerMinute: 5 }, 'invalid_value', null],
  [{ name: 'x', requestsPerMinute: 0 }, 'integer_below_min_value', 'requestsPerMinute'],
  [{ name: 'x', tokensPerDay: 1.5 }, 'invalid_type', 'tokensPerDay'],
  [{ name: 'x', weight: 0 }, 'decimal_below_min_value', 'weight'],
  [{ name: 'x', models: [] }, 'empty_array', 'models'],
  [{ name: 'x', priority: 'first' }, 'invalid_value', 'priority'],
  [{ name: 'x', expiresAt: 'tomorrow' }, 'invalid_value', 'expiresAt'],
])('%j is refused by name, for a new key and for a change', async (body, code, param) => {
  const { dataDir, create: make, store } = temporaryKeys();
  const { key } = make();
  const cluster = await startTestCluster({ workers: [], controller: { dataDir } });
  expect(await ask(cluster, 'POST', '/admin/keys', body)).toMatchObject({
    status: 400,
    body: { error: { code, param } },
  });
  if (code === 'missing_required_parameter') return;
  expect(await ask(cluster, 'PATCH', `/admin/keys/${key.id}`, body)).toMatchObject({
    status: 400,
    body: { error: { code, param } },
  });
  expect(store.list()).toEqual([key]);
});

it('no key of a client opens it, and not the lack of keys', async () => {
  const { dataDir, create: make, store } = temporaryKeys();
  const cluster = await startTestCluster({ workers: [], controller: { dataDir } });
  const attempt = async (headers: Record<string, string>) => {
    const answer = await request(`${cluster.url}/admin/keys`, { headers });
    expect(await answer.body.json()).toMatchObject({ error: { code: 'invalid_admin_token' } });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    return answer.statusCode;
  };
  expect(await attempt({})).toBe(401);
  const { text } = make();
  expect(await attempt({ authorization: `Bearer ${text}` })).toBe(401);
  expect(await attempt({ 'x-api-key': adminAuthorization.authorization.slice(7) })).toBe(401);
  expect(store.list()).toHaveLength(1);
});
