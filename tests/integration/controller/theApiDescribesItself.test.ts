import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { OpenApiDocument } from '../../../src/controller/openapi/openApiDocument.js';
import { type Target, toCurlCommands } from '../../../src/controller/openapi/page/curl.js';
import { readTags } from '../../support/htmlTags.js';
import { createValueJudge, findDocumentErrors } from '../../support/openApiJudge.js';
import { startTestCluster } from '../../support/testCluster.js';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;

async function readDocument(url: string): Promise<OpenApiDocument> {
  return (await (await request(`${url}/openapi.json`)).body.json()) as OpenApiDocument;
}

function targetsOf({ paths }: OpenApiDocument, baseUrl: string): Target[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ baseUrl, method, path, operation })),
  );
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
      'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cache-control': 'no-cache',
    });
    expect(css).toContain('@media (prefers-color-scheme: dark)');
    expect(readTags(page).map(({ name }) => name)).toContain('section');
  });

  it('has examples for the address that was reached, not for the host that was named', async () => {
    const { url } = await startTestCluster({ workers: [] });
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

/** Routes whose description is still to be written; one that is described has to leave this list. */
const notDescribedYet = [
  'DELETE /v1/files/{}',
  'DELETE /v1/responses/{}',
  'GET /v1/batches',
  'GET /v1/batches/{}',
  'GET /v1/files',
  'GET /v1/files/{}',
  'GET /v1/files/{}/content',
  'GET /v1/responses/{}',
  'GET /v1/responses/{}/input_items',
  'POST /detokenize',
  'POST /tokenize',
  'POST /v1/batches',
  'POST /v1/batches/{}/cancel',
  'POST /v1/embeddings',
  'POST /v1/files',
  'POST /v1/messages',
  'POST /v1/messages/count_tokens',
  'POST /v1/rerank',
  'POST /v1/responses',
  'POST /v1/responses/input_tokens',
  'POST /v1/responses/{}/cancel',
];

describe('routes and operations', () => {
  it('every route for clients has an operation', async () => {
    const { url, metrics } = await startTestCluster({ workers: [] });
    const described = targetsOf(await readDocument(url), url).map(
      ({ method, path }) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, '{}')}`,
    );
    // Every such route is counted from the start.
    const counter = /^ai_cluster_http_requests_total\{method="(\w+)",path="(\/[^"]*)"/gm;
    const routes = [...(await metrics()).matchAll(counter)].map(
      ([, method = '', path = '']) => `${method} ${path.replace(/[*:]\w+/g, '{}')}`,
    );

    expect(routes.length).toBeGreaterThan(8);
    expect(routes.filter((route) => !described.includes(route)).sort()).toEqual(notDescribedYet);
  });

  it('every operation has a route', async () => {
    const { url } = await startTestCluster({ workers: [] });
    const { paths } = await readDocument(url);
    for (const [path, methods] of Object.entries(paths)) {
      const response = await request(`${url}${path.replace(/\{\w+\}/g, 'x')}`, { method: 'PATCH' });
      await response.body.dump();
      const allowed = String(response.headers['allow']).split(', ');
      const described = Object.keys(methods).map((method) => method.toUpperCase());
      expect([path, response.statusCode, ...allowed.sort()]).toEqual([path, 405, ...described.sort()]);
    }
  });
});

/** Needs nothing that another request made: no file, no id of one. */
function standsAlone({ operation: { parameters = [], requestBody } }: Target): boolean {
  const body = JSON.stringify(requestBody?.content ?? {});
  return !parameters.some(({ name }) => name.endsWith('_id')) && !/_id"|multipart/.test(body);
}

/** Status, media type and body of what a command that was pasted into a shell gets. */
async function paste(command: string): Promise<{ status: number; mediaType: string; body: string }> {
  const { stdout } = await run('sh', ['-c', `${command} -sS -w '\\n%{http_code} %{content_type}'`]);
  const [, body = '', status, mediaType = ''] = /^([^]*)\n(\d+) ([^;]*).*$/.exec(stdout) ?? [];
  return { status: Number(status), mediaType, body };
}

it.skipIf(!hasCurl)(
  'every example that stands alone is answered as described',
  async () => {
    const { url } = await startTestCluster();
    const document = await readDocument(url);
    const judge = createValueJudge(document);
    const targets = targetsOf(document, url).filter(standsAlone);
    expect(targets.length).toBeGreaterThan(8);

    for (const target of targets) {
      for (const { title, text } of toCurlCommands(target)) {
        const { status, mediaType, body } = await paste(text);
        const name = `${target.method} ${target.path}: ${title}`;
        expect({ name, status, body }).toMatchObject({ name, status: 200 });
        const reference = target.operation.responses['200']?.content?.[mediaType]?.schema.$ref;
        if (mediaType === 'text/event-stream') {
          const events = [...body.matchAll(/^data: (\{.*)$/gm)].map(
            ([, data = '']) => JSON.parse(data) as object,
          );
          expect(events.length, name).toBeGreaterThan(1);
          for (const event of events) expect(judge(String(reference), event), name).toEqual([]);
        } else if (reference !== undefined) {
          expect(judge(reference, JSON.parse(body)), name).toEqual([]);
        }
        expect(Object.keys(target.operation.responses['200']?.content ?? {}), name).toContain(mediaType);
      }
    }
  },
  60_000,
);
