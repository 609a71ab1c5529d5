import { describe, expect, it } from 'vitest';
import { createDocument } from '../../../../src/controller/openapi/document.js';
import type { OperationObject, Schema } from '../../../../src/controller/openapi/openApiDocument.js';
import { operationGroups } from '../../../../src/controller/openapi/operationGroups.js';
import { findReferences } from '../../../../src/controller/openapi/schemas.js';
import { errorTable } from '../../../../src/protocol/apiError.js';
import { createValueJudge, findDocumentErrors, findSchemaErrors } from '../../../support/openApiJudge.js';

const models = { generation: 'test-model', embedding: 'test-embedder', ranking: 'test-ranker' };
const document = createDocument({ groups: operationGroups, version: '1.2.3', models, isOpen: false });
const judge = createValueJudge(document);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]): [string, OperationObject] => [
    `${method} ${path}`,
    operation,
  ]),
);

/** What a JSON pointer in a reference points at. */
function resolve(reference: string): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
}

describe('the document', () => {
  it('is one of OpenAPI 3.1', () => {
    expect(findDocumentErrors(document)).toEqual([]);
    expect(findDocumentErrors({ ...document, info: { title: 'no version' } })).not.toEqual([]);
  });

  it('has the version of the program and a relative server', () => {
    expect(document.info.version).toBe('1.2.3');
    expect(document.servers).toEqual([{ url: '/' }]);
  });

  it('survives JSON', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  it('refers to what is there only, and to everything that is there', () => {
    const references = findReferences(document);
    expect(references.filter((reference) => resolve(reference) === undefined)).toEqual([]);
    const schemas = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(schemas.filter((schema) => !references.includes(schema))).toEqual([]);
  });

  it('gives each operation a name of its own', () => {
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('describes every parameter that stands in a path', () => {
    for (const [name, { parameters = [] }] of operations) {
      const described = parameters.filter((parameter) => parameter.in === 'path').map((it) => `{${it.name}}`);
      expect(described, name).toEqual(name.match(/\{\w+\}/g) ?? []);
    }
  });

  it('has every error that a client can get', () => {
    const text = JSON.stringify(document);
    // Of workers or web pages only, or of no operation: another path, another method, a client that left.
    const elsewhere = [
      'node_id_taken',
      'node_removed',
      'cluster_token_invalid',
      'host_not_allowed',
      'origin_not_allowed',
      'url_too_long',
      'route_not_found',
      'method_not_supported',
      'request_aborted',
      // Of what is no request, and answered before any route.
      'unreadable_request',
      'headers_too_large',
      'request_too_slow',
      'url_too_long',
      'host_not_allowed',
    ];
    const rows = Object.entries(errorTable).filter(([name]) => !elsewhere.includes(name));
    expect(rows.filter(([, { message }]) => !text.includes(message)).map(([name]) => name)).toEqual([]);
  });
});

it.each(Object.entries(document.components.schemas))('%s is a JSON Schema', (_name, schema) => {
  expect(findSchemaErrors(schema)).toEqual([]);
});

describe.each(operations)('%s', (_name, { parameters = [], requestBody }) => {
  it('has parameters with JSON Schemas and a text', () => {
    for (const { schema, description } of parameters) {
      expect(findSchemaErrors(schema)).toEqual([]);
      expect(description).toBeTruthy();
    }
  });

  it('shows a body that its schema accepts', () => {
    for (const { schema, examples } of Object.values(requestBody?.content ?? {})) {
      const values = Object.values(examples ?? {}).map(({ value }) => value);
      expect(values).not.toEqual([]);
      for (const value of values) expect(judge(String(schema.$ref), value)).toEqual([]);
    }
  });
});

/** The fields of the objects in a schema, with their paths; references are not followed. */
function fieldsOf(schema: Schema, at = ''): [path: string, field: Schema][] {
  const { properties = {}, anyOf = [], oneOf = [], items, additionalProperties } = schema;
  const own = Object.entries(properties).flatMap(([name, field]) => {
    const path = at === '' ? name : `${at}.${name}`;
    return [[path, field as Schema] as [string, Schema], ...fieldsOf(field as Schema, path)];
  });
  const inner = [...anyOf, ...oneOf, items, additionalProperties].filter((it) => typeof it === 'object');
  return [...own, ...inner.flatMap((it) => fieldsOf(it as Schema, at))];
}

/** The schemas that a request is made of. */
function sentSchemas(): string[] {
  const sent = new Set(operations.flatMap(([, { requestBody }]) => findReferences(requestBody)));
  for (const reference of sent) for (const inner of findReferences(resolve(reference))) sent.add(inner);
  return [...sent];
}

describe.each(sentSchemas())('%s', (reference) => {
  it('has a text for every field that is more than the name of its kind', () => {
    const fields = fieldsOf(resolve(reference) as Schema);
    const isSilent = ([, { description, const: kind, $ref }]: (typeof fields)[number]) =>
      description === undefined && kind === undefined && $ref === undefined;
    expect(fields.filter(isSilent).map(([path]) => path)).toEqual([]);
  });
});

describe('requests', () => {
  const user = { role: 'user', content: 'Hi' };
  const chat = { model: 'test-model', messages: [user] };
  const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object' } } };
  const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } };
  const chatRequest = '#/components/schemas/ChatCompletionRequest';
  const responseRequest = '#/components/schemas/ResponseRequest';
  const item = (fields: object) => ({ model: 'test-model', input: [fields] });
  const completionRequest = '#/components/schemas/CompletionRequest';

  it.each<[string, string, object]>([
    ['a chat', chatRequest, chat],
    [
      'null everywhere',
      chatRequest,
      { ...chat, temperature: null, stop: null, tools: null, stream_options: null },
    ],
    ['unknown fields', chatRequest, { ...chat, user: 'me', messages: [{ ...user, name: 'Ann' }] }],
    [
      'parts',
      chatRequest,
      { ...chat, messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] },
    ],
    [
      'tools and their results',
      chatRequest,
      {
        ...chat,
        messages: [
          user,
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: 'call_1', content: '5' },
        ],
        tools: [tool],
        tool_choice: { type: 'function', function: { name: 'f' } },
      },
    ],
    ['a seed beyond 2^53', chatRequest, { ...chat, seed: 2 ** 60 }],
    ['biases', chatRequest, { ...chat, logit_bias: { 15: -100 } }],
    [
      'a schema',
      chatRequest,
      { ...chat, response_format: { type: 'json_schema', json_schema: { name: 'a', schema: true } } },
    ],
    ['prompts', completionRequest, { model: 'test-model', prompt: ['a', 'b'], max_tokens: 0, echo: true }],
    ['tokens', completionRequest, { model: 'test-model', prompt: [[1, 2], [3]], logprobs: 5 }],
    ['an item without a type', responseRequest, item(user)],
    ['an item of a kind', responseRequest, item({ type: 'function_call_output', call_id: 'c', output: '5' })],
  ])('with %s fit', (_name, reference, body) => {
    expect(judge(reference, body)).toEqual([]);
  });

  it.each<[string, string, object]>([
    ['without a model', chatRequest, { messages: [user] }],
    ['without messages', chatRequest, { ...chat, messages: [] }],
    ['with an unknown role', chatRequest, { ...chat, messages: [{ role: 'robot', content: 'Hi' }] }],
    ['that are too hot', chatRequest, { ...chat, temperature: 2.5 }],
    ['with half a seed', chatRequest, { ...chat, seed: 1.5 }],
    ['with a bias for a word', chatRequest, { ...chat, logit_bias: { the: 1 } }],
    ['with unknown switches', chatRequest, { ...chat, chat_template_kwargs: { add_vision_id: true } }],
    ['with an empty prompt list', completionRequest, { model: 'test-model', prompt: [] }],
    ['with an item of another kind', responseRequest, item({ type: 'web_search_call', id: 'ws_1' })],
  ])('%s do not', (_name, reference, body) => {
    expect(judge(reference, body)).not.toEqual([]);
  });
});
