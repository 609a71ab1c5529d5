import { createHash } from 'node:crypto';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { OpenApiDocument } from '../../../src/controller/openapi/openApiDocument.js';
import { readTags } from '../../support/htmlTags.js';
import { findDocumentErrors } from '../../support/openApiJudge.js';
import { adminAuthorization } from '../../support/adminToken.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { startTestCluster } from '../../support/testCluster.js';

async function readDocument(url: string): Promise<OpenApiDocument> {
  return (await (await request(`${url}/openapi.json`)).body.json()) as OpenApiDocument;
}

describe('GET /openapi.json', () => {
  it('is a valid document with the version that runs', async () => {
    const { url } = await startTestCluster({ workers: [] });
    const response = await request(`${url}/openapi.json`);

    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-cache',
      'x-request-id': expect.stringMatching(/^req_/) as string,
    });
    expect(response.headers).not.toHaveProperty('etag');
    const document = (await response.body.json()) as OpenApiDocument;
    expect(findDocumentErrors(document)).toEqual([]);
    expect(document.info.version).toBe('1.2.3');
  });

  it('shows examples with a model that is served', async () => {
    const { url } = await startTestCluster({
      workers: [{ models: ['other-model'] }],
      controller: { models: [] },
    });
    expect(JSON.stringify(await readDocument(url))).toContain('"model":"other-model"');
  });
});

describe('GET /docs', () => {
  it('is a page that can load and run nothing but its own style sheet', async () => {
    const { url } = await startTestCluster({ workers: [] });
    const response = await request(`${url}/docs`);
    const page = await response.body.text();

    expect(response.statusCode).toBe(200);
    const [, css = ''] = /<style>([^]*)<\/style>/.exec(page) ?? [];
    const hash = createHash('sha256').update(css).digest('base64');
    expect(response.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none';style-src 'sha256-${hash}';base-uri 'none';form-action 'none';frame-ancestors 'none'`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cache-control': 'no-cache',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(response.headers).not.toHaveProperty('strict-transport-security');
    expect(css).toContain('@media (prefers-color-scheme: dark)');
    expect(readTags(page).map(({ name }) => name)).toContain('section');
  });

  it('has examples for the address that was reached, not for the host that was named', async () => {
    const { url } = await startTestCluster({ workers: [], controller: { allowedHosts: ['*.example'] } });
    const page = await (await request(`${url}/docs`, { headers: { host: 'evil.example' } })).body.text();
    expect(page).toContain(`curl ${url}/v1/models<`);
    expect(page).not.toContain('evil.example');
  });
});

it.each(['/openapi.json', '/docs'])('%s answers HEAD, and other methods with 405', async (path) => {
  const { url } = await startTestCluster({ workers: [] });
  const head = await request(`${url}${path}`, { method: 'HEAD' });
  expect([head.statusCode, await head.body.text()]).toEqual([200, '']);
  const get = await request(`${url}${path}`);
  await get.body.dump();
  expect(head.headers['content-length']).toBe(get.headers['content-length']);

  const post = await request(`${url}${path}`, { method: 'POST' });
  expect(post.statusCode).toBe(405);
  expect(post.headers['allow']).toBe('GET');
  expect(await post.body.json()).toMatchObject({ error: { code: 'method_not_supported' } });
});

describe('routes and operations', () => {
  it('every route for clients has an operation', async () => {
    const { url, metrics } = await startTestCluster({ workers: [] });
    const { paths } = await readDocument(url);
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, '{}')}`),
    );
    // Every such route is counted from the start.
    const counter = /^ai_cluster_http_requests_total\{method="(\w+)",path="(\/[^"]*)"/gm;
    const routes = [...(await metrics()).matchAll(counter)].map(
      ([, method = '', path = '']) => `${method} ${path.replace(/[*:]\w+/g, '{}')}`,
    );

    expect(routes.length).toBeGreaterThan(8);
    expect(routes.filter((route) => !described.includes(route))).toEqual([]);
  });

  it('an operation that asks for a credential is refused without it, and no other one is', async () => {
    const { dataDir, create } = temporaryKeys();
    create();
    const { url } = await startTestCluster({ workers: [], controller: { dataDir } });
    for (const [path, methods] of Object.entries((await readDocument(url)).paths)) {
      for (const [method, { security = [] }] of Object.entries(methods)) {
        const response = await request(`${url}${path.replace(/\{\w+\}/g, 'x')}`, {
          method: method.toUpperCase() as 'GET',
          // From this machine some need none.
          headers: { 'x-forwarded-for': '192.0.2.1' },
        });
        await response.body.dump();
        expect([method, path, response.statusCode === 401]).toEqual([method, path, security.length > 0]);
      }
    }
  });

  it('every operation has a route', async () => {
    const { url } = await startTestCluster({ workers: [] });
    const { paths } = await readDocument(url);
    for (const [path, methods] of Object.entries(paths)) {
      const response = await request(`${url}${path.replace(/\{\w+\}/g, 'x')}`, {
        method: 'PUT',
        headers: adminAuthorization,
      });
      await response.body.dump();
      const allowed = String(response.headers['allow']).split(', ');
      const described = Object.keys(methods).map((method) => method.toUpperCase());
      expect([path, response.statusCode, ...allowed.sort()]).toEqual([path, 405, ...described.sort()]);
    }
  });
});
