import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testAdminToken } from '../../support/adminToken.js';
import { testClusterToken } from '../../support/clusterToken.js';
import { eventually } from '../../support/eventually.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { startTestCluster } from '../../support/testCluster.js';
import { startTrap } from '../../support/trap.js';

/** What went wrong in gateways and servers of models elsewhere, and is tried here (docs/security.md). */

const question = { model: 'test-model', messages: [{ role: 'user', content: 'Hello' }] };

const post = (url: string, body: object, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

describe('LiteLLM', () => {
  it('CVE-2026-42208: the text of a key reaches no query, nor does that of an id', async () => {
    const { dataDir, create, store } = temporaryKeys();
    const { key, text } = create();
    const cluster = await startTestCluster({ controller: { dataDir } });
    const before = JSON.stringify(store.list());
    const hostile = [
      "' OR '1'='1",
      "sk-' OR 1=1 --",
      `${text}' --`,
      `${key.id}'; DROP TABLE api_keys; --`,
      `sk-${'a'.repeat(10)}-' UNION SELECT secret_digest FROM api_keys --`,
      `sk-${'%'.repeat(10)}-${'_'.repeat(43)}`,
      "\"; ATTACH DATABASE '/tmp/x' AS x; --",
      'sk-\\u0000',
      '../../etc/passwd',
      '{"$gt":""}',
      'x'.repeat(8_000),
    ];
    const bodies = new Set<string>();
    for (const credential of hostile) {
      const places: Record<string, string>[] = [
        { authorization: `Bearer ${credential}` },
        { 'x-api-key': credential },
      ];
      for (const headers of places) {
        const response = await post(`${cluster.url}/v1/chat/completions`, question, headers);
        expect(response.status).toBe(401);
        bodies.add(await response.text());
      }
      const admin = await fetch(`${cluster.url}/admin/keys/${encodeURIComponent(credential)}`, {
        headers: { authorization: `Bearer ${testAdminToken}` },
      });
      expect([400, 404]).toContain(admin.status);
    }
    expect(bodies.size).toBe(1);
    expect(JSON.stringify(store.list())).toBe(before);
    const works = await post(`${cluster.url}/v1/chat/completions`, question, {
      authorization: `Bearer ${text}`,
    });
    expect(works.status).toBe(200);
    expect(cluster.log.text()).not.toMatch(/SQLITE|SqliteError/);
  });

  it('CVE-2024-6587: nothing in a request decides where it is sent', async () => {
    const trap = await startTrap();
    const { url, workers } = await startTestCluster();
    const redirects = Object.fromEntries(
      [
        'api_base',
        'base_url',
        'baseURL',
        'api_url',
        'endpoint',
        'url',
        'node',
        'node_id',
        'worker',
        'target',
        'proxy',
      ].map((name) => [name, trap.url]),
    );
    const response = await post(
      `${url}/v1/chat/completions?api_base=${trap.url}`,
      { ...question, ...redirects, api_key: 'sk-x', metadata: redirects, extra_body: redirects },
      {
        'x-forwarded-host': new URL(trap.url).host,
        'x-portkey-custom-host': trap.url,
        'x-upstream': trap.url,
        forwarded: `host=${new URL(trap.url).host}`,
      },
    );
    expect([200, 400]).toContain(response.status);
    expect((await post(`${url}/v1/chat/completions`, { ...question, ...redirects })).status).toBe(200);
    expect(workers[0]?.requests.length).toBeGreaterThanOrEqual(1);
    expect(JSON.stringify(workers[0]?.requests)).not.toContain(trap.url);
    expect(trap.asked).toEqual([]);
  });

  it('#24530: metrics name keys by their id, not by name, address or digest, and are not for everybody', async () => {
    const { dataDir, create } = temporaryKeys();
    const { key, text } = create({ name: 'ann@example.com' });
    const cluster = await startTestCluster({ controller: { dataDir } });
    await post(`${cluster.url}/v1/chat/completions`, question, { authorization: `Bearer ${text}` });
    await eventually(async () => expect(await cluster.metrics()).toContain(`key_id="${key.id}"`));
    const metrics = await cluster.metrics();
    for (const hidden of ['ann', 'example.com', text, text.slice(-43)]) expect(metrics).not.toContain(hidden);
    expect(metrics).not.toMatch(/[0-9a-f]{64}/);
    const elsewhere = { 'x-forwarded-for': '192.0.2.1', authorization: `Bearer ${text}` };
    expect((await fetch(`${cluster.url}/metrics`, { headers: elsewhere })).status).toBe(401);
  });

  it('CVE-2024-8984: the boundary of a form takes no time, however long it is', async () => {
    const { url } = await startTestCluster();
    for (const boundary of ['-'.repeat(10_000), `${'-'.repeat(8_000)}x`, '', '"', '"'.repeat(100)]) {
      const startedAt = performance.now();
      const response = await fetch(`${url}/v1/files`, {
        method: 'POST',
        headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
        body: `--${boundary}${'-'.repeat(1_000_000)}`,
      });
      expect(response.status).toBe(400);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    }
  });

  it('CVE-2024-9606: no part of a key is in a log', async () => {
    const { dataDir, create } = temporaryKeys();
    const { key, text } = create();
    const { url, log } = await startTestCluster({ controller: { dataDir } });
    for (const credential of [text, `${text}x`, text.slice(0, -1)])
      await post(`${url}/v1/chat/completions`, question, { authorization: `Bearer ${credential}` });
    await eventually(() => expect(log.text()).toContain(key.id));
    const secret = text.slice(-43);
    for (let start = 0; start + 8 <= secret.length; start++)
      expect(log.text()).not.toContain(secret.slice(start, start + 8));
  });

  it('the compromised release of 2026: every package is pinned to a version and its digest', () => {
    const read = (name: string) =>
      JSON.parse(readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')) as unknown;
    const { dependencies, devDependencies } = read('package.json') as Record<string, Record<string, string>>;
    for (const version of Object.values({ ...dependencies, ...devDependencies }))
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    const { packages } = read('package-lock.json') as { packages: Record<string, Locked> };
    const locked = Object.entries(packages).filter(([name]) => name !== '');
    expect(locked.length).toBeGreaterThan(100);
    // Prebuilt engines for other systems have none (docs/security.md).
    const isInstalled = ({ os = ['linux'], cpu = ['x64'] }: Locked) =>
      os.includes('linux') && cpu.some((name) => ['x64', 'arm64', 'arm'].includes(name));
    const withoutDigest = locked.filter(
      ([, one]) => isInstalled(one) && !/^sha512-/.test(one.integrity ?? ''),
    );
    expect(withoutDigest.map(([name]) => name)).toEqual([]);
    const described = readFileSync(new URL('../../../docs/dependencies.md', import.meta.url), 'utf8');
    for (const name of Object.keys(dependencies ?? {})) expect(described).toContain(`| ${name} `);
  });
});

describe('TorchServe CVE-2023-43654 and Ray CVE-2023-48022', () => {
  it('what manages the cluster asks for a credential of its own, from this machine, too', async () => {
    const { dataDir, create } = temporaryKeys();
    const { text } = create();
    const { url, status } = await startTestCluster({ controller: { dataDir } });
    const managing: readonly (readonly [string, string])[] = [
      ['GET', '/admin/keys'],
      ['POST', '/admin/keys'],
      ['DELETE', '/admin/keys/sk-aaaaaaaaaa'],
      ['POST', '/cluster/nodes'],
      ['DELETE', '/cluster/nodes/worker_1'],
      ['POST', '/cluster/nodes/worker_1/drain'],
      ['POST', '/internal/v1/nodes'],
      ['POST', '/internal/v1/nodes/worker_1/heartbeat'],
    ];
    const wrongFor = (path: string) => [
      '',
      `Bearer ${text}`,
      `Bearer ${path.startsWith('/internal') ? testAdminToken : testClusterToken}`,
    ];
    for (const [method, path] of managing) {
      for (const authorization of wrongFor(path)) {
        const response = await fetch(url + path, { method, headers: { authorization } });
        expect([method, path, response.status]).toEqual([method, path, 401]);
      }
    }
    expect((await status()).nodes).toMatchObject([{ id: 'worker_1', state: 'ready', drainRequested: false }]);
  });

  it('nobody takes a model from an address that a client names', async () => {
    const trap = await startTrap();
    const { url } = await startTestCluster();
    const body = { url: `${trap.url}/model.mar`, model_name: 'x', model: trap.url, from: trap.url };
    for (const path of ['/models', '/v1/models', '/workflows', '/api/jobs/', '/api/pull', '/v1/models/load'])
      expect([404, 405]).toContain((await post(url + path, body)).status);
    expect(
      (await post(`${url}/v1/chat/completions`, { ...question, model: `${trap.url}/m.gguf` })).status,
    ).toBe(404);
    expect(trap.asked).toEqual([]);
  });
});

interface Locked {
  readonly integrity?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}
