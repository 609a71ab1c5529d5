import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createDocument } from '../../../../src/controller/openapi/document.js';
import type { OperationObject, Schema } from '../../../../src/controller/openapi/openApiDocument.js';
import { defineGroup } from '../../../../src/controller/openapi/operation.js';
import { operationGroups } from '../../../../src/controller/openapi/operationGroups.js';
import { toCurlCommands } from '../../../../src/controller/openapi/page/curl.js';
import { html } from '../../../../src/controller/openapi/page/html.js';
import { renderPage } from '../../../../src/controller/openapi/page/page.js';
import { renderType } from '../../../../src/controller/openapi/page/schemaType.js';
import { renderText } from '../../../../src/controller/openapi/page/text.js';
import { readTags } from '../../../support/htmlTags.js';

const baseUrl = 'http://127.0.0.1:8080';
const models = { generation: 'test-model', embedding: 'test-embedder', ranking: 'test-ranker' };
const document = createDocument({ groups: operationGroups, version: '1.2.3', models, isOpen: false });
const page = renderPage(document, baseUrl);

describe('the page', () => {
  const tags = readTags(page);

  it('names every operation and every schema, each once', () => {
    const ids = tags.flatMap(({ attributes }) => attributes.get('id') ?? []);
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    expect(ids.toSorted()).toEqual(
      [
        'schemas',
        ...operations.map(({ operationId }) => operationId),
        ...Object.keys(document.components.schemas).map((name) => `schema-${name}`),
      ].toSorted(),
    );
  });

  it('links to places of its own and to the document, and loads nothing', () => {
    const ids = new Set(tags.map(({ attributes }) => attributes.get('id')));
    const links = tags.flatMap(({ attributes }) => attributes.get('href') ?? []);
    const isThere = (link: string) => link === 'openapi.json' || ids.has(link.slice(1));
    expect(links.filter((link) => !isThere(link))).toEqual([]);
    expect(tags.filter(({ name, attributes }) => name === 'script' || attributes.has('src'))).toEqual([]);
  });

  it('has no style in attributes, which the policy would refuse', () => {
    const names = new Set(tags.flatMap(({ attributes }) => [...attributes.keys()]));
    expect([...names].filter((name) => name === 'style' || name.startsWith('on'))).toEqual([]);
  });
});

describe('texts are escaped', () => {
  const evil = `<script>alert("1")</script> & '`;
  const schemas = {
    Bad: z.object({
      [evil]: z.enum([evil]).describe(evil),
      pattern: z
        .string()
        .regex(/<script>/)
        .default(evil),
      nested: z.object({ type: z.literal(evil) }).describe(`\`${evil}\``),
    }),
  };
  const group = defineGroup({
    name: evil,
    description: evil,
    schemas,
    operations: [
      {
        id: evil,
        method: 'POST',
        path: `/${evil}/{${evil}}`,
        summary: evil,
        description: `- ${evil}`,
        pathParameters: z.object({ [evil]: z.string().describe(evil) }),
        request: { json: 'Bad' },
        answers: { 200: { description: evil, json: 'Bad', other: evil } },
        examples: () => ({ [evil]: { path: { [evil]: evil }, body: { [evil]: evil } } }),
      },
    ],
  });
  const text = renderPage(
    createDocument({
      groups: [group],
      version: evil,
      models: { ...models, generation: evil },
      isOpen: false,
    }),
    evil,
  );

  it('wherever they stand', () => {
    expect(text).not.toContain('<script');
    expect(text.match(/&lt;script&gt;/g)?.length).toBeGreaterThan(15);
    expect(() => readTags(text)).not.toThrow();
  });

  it('in attributes, too', () => {
    expect(html`<a title="${'" onclick="x'}">${'<b>'}</a>`.text).toBe(
      '<a title="&quot; onclick=&quot;x">&lt;b&gt;</a>',
    );
  });
});

it.each([
  ['one < two', 'No tag'],
  ['<p><b>text</p>', '</p> closes <b>'],
  ['<p>text', 'Not closed: p'],
])('the check of tags finds %s', (text, message) => {
  expect(() => readTags(text)).toThrow(message);
});

it('descriptions have paragraphs, lists and code', () => {
  expect(html`${renderText('One `a < b`.\n\nTwo.')}`.text).toBe(
    '<p>One <code>a &lt; b</code>.</p><p>Two.</p>',
  );
  expect(html`${renderText('- a\n- `b`')}`.text.replace(/\s*\n\s*/g, '')).toBe(
    '<ul><li>a</li><li><code>b</code></li></ul>',
  );
});

it.each<[Schema, string]>([
  [{}, 'anything'],
  [{ type: 'string', minLength: 1 }, 'string (1 or more characters)'],
  [{ type: ['integer', 'null'] }, 'integer or null'],
  [{ anyOf: [{ type: 'number', minimum: -2, maximum: 2 }, { type: 'null' }] }, 'number (-2 to 2) or null'],
  [{ type: 'number', exclusiveMinimum: 0, maximum: 10 }, 'number (up to 10, more than 0)'],
  [{ type: 'array', maxItems: 4, items: { type: 'string' } }, 'array of string (up to 4 items)'],
  [{ type: 'object', additionalProperties: { type: 'number' } }, 'object of number'],
  [{ type: 'object', additionalProperties: {} }, 'object'],
  [{ enum: ['a', 1] }, '<code>&quot;a&quot;</code> | <code>1</code>'],
  [{ $ref: '#/components/schemas/Error' }, '<a href="#schema-Error">Error</a>'],
  [{ type: 'string', format: 'uri', default: 'x' }, 'string (uri, default &quot;x&quot;)'],
])('%j is shown as %s', (schema, text) => {
  expect(html`${renderType(schema)}`.text).toBe(text);
});

describe('commands', () => {
  const responses = { 200: { description: 'Fine.' } };
  const operation = (fields: Partial<OperationObject>): OperationObject => ({
    operationId: 'x',
    tags: [],
    summary: 'Do it',
    responses,
    ...fields,
  });
  const commands = (method: string, path: string, fields: Partial<OperationObject>) =>
    toCurlCommands({ baseUrl, method, path, operation: operation(fields) });
  const one = (value: unknown) => ({ One: { value } });
  const id = { name: 'id', in: 'path', required: true, schema: {} } as const;
  const limit = { name: 'limit', in: 'query', required: false, schema: {} } as const;

  it('need no example where nothing has to be given', () => {
    expect(commands('get', '/x', { parameters: [limit] })).toEqual([
      { title: 'Do it', text: `curl ${baseUrl}/x` },
    ]);
    expect(commands('get', '/x/{id}', { parameters: [id] })).toEqual([]);
  });

  it('fill in the path and the query', () => {
    const parameters = [
      { ...id, examples: one('a/b') },
      { ...limit, examples: one(5) },
    ];
    expect(commands('delete', '/x/{id}', { parameters })).toEqual([
      { title: 'One', text: `curl -X DELETE '${baseUrl}/x/a%2Fb?limit=5'` },
    ]);
  });

  it('send JSON in quotes that no text ends', () => {
    const content = {
      'application/json': { schema: {}, examples: one({ text: "it's $HOME", stream: true }) },
    };
    expect(commands('post', '/x', { requestBody: { required: true, content } })).toEqual([
      {
        title: 'One',
        text: [
          `curl -N ${baseUrl}/x \\`,
          `  -H 'content-type: application/json' \\`,
          `  -d '{`,
          `  "text": "it'\\''s $HOME",`,
          `  "stream": true`,
          `}'`,
        ].join('\n'),
      },
    ]);
  });

  it('send forms', () => {
    const content = {
      'multipart/form-data': { schema: {}, examples: one({ purpose: 'batch', file: '@a b' }) },
    };
    expect(commands('post', '/x', { requestBody: { required: true, content } })).toEqual([
      { title: 'One', text: `curl ${baseUrl}/x \\\n  -F purpose=batch \\\n  -F 'file=@a b'` },
    ]);
  });
});
