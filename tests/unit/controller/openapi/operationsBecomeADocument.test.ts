import { expect, it } from 'vitest';
import { z } from 'zod';
import { createDocument } from '../../../../src/controller/openapi/document.js';
import { defineGroup, type OperationGroup } from '../../../../src/controller/openapi/operation.js';
import { rateLimitHeaders } from '../../../../src/protocol/headers.js';
import { findDocumentErrors } from '../../../support/openApiJudge.js';

const Colour = z.enum(['red', 'blue']).default('red').describe('Of the thing.');
const Part = z.looseObject({ colour: Colour, size: z.int().min(1).nullish() });
const Thing = z.object({ id: z.string(), parts: z.array(Part), made: z.int() });
const ThingRequest = z.looseObject({
  part: Part.nullish(),
  strict: z.strictObject({ a: z.string() }).optional(),
});
const Event = z.object({ colour: Colour });
const Failure = z.object({ reason: z.string() });

const things = defineGroup({
  name: 'Things',
  description: 'All sorts.',
  schemas: { Part, Thing, ThingRequest, Event, Failure },
  errorSchema: 'Failure',
  operations: [
    {
      id: 'makeThing',
      method: 'POST',
      path: '/things/{shelf}',
      summary: 'Make one',
      pathParameters: z.object({ shelf: z.string().describe('Where it goes.') }),
      query: z.object({
        limit: z.coerce.number().int().max(100).default(20).describe('At most so many.'),
        after: z.string(),
      }),
      request: { json: 'ThingRequest' },
      answers: {
        201: { description: 'Made.', json: 'Thing', events: 'Event' },
        202: { description: 'Nothing to say.' },
      },
      errors: ['invalid_json', 'empty_string', 'queue_timeout'],
      examples: ({ ranking }) => ({
        One: { path: { shelf: 'top' }, query: { after: 'x', limit: 5 }, body: { by: ranking } },
      }),
    },
    {
      id: 'sendThing',
      method: 'POST',
      path: '/things',
      summary: 'Send one',
      request: { form: 'ThingRequest' },
      answers: { 200: { description: 'As it came.', other: 'application/octet-stream' } },
    },
  ],
});

const models = { generation: 'g', embedding: 'e', ranking: 'r' };
const create = (...groups: OperationGroup[]) =>
  createDocument({ groups, version: '1', models, isOpen: false });
const document = create(things);
const { schemas } = document.components;
const make = document.paths['/things/{shelf}']?.['post'];
const json = (name: string) => ({ schema: { $ref: `#/components/schemas/${name}` } });

it('is valid with all that an operation can have', () => {
  expect(findDocumentErrors(document)).toEqual([]);
});

it('refers from one named schema to the other', () => {
  expect(schemas['Thing']).toEqual({
    type: 'object',
    properties: {
      id: { type: 'string' },
      parts: { type: 'array', items: { $ref: '#/components/schemas/Part' } },
      made: { type: 'integer' },
    },
    required: ['id', 'parts', 'made'],
  });
});

it('shows a schema as it may be sent where a request reaches it, as it is answered elsewhere', () => {
  expect(schemas['Part']?.required).toBeUndefined();
  expect(schemas['Event']?.required).toEqual(['colour']);
});

it('takes unknown fields in loose objects and refuses them in strict ones', () => {
  expect(schemas['ThingRequest']?.additionalProperties).toBeUndefined();
  expect(schemas['ThingRequest']?.properties?.['strict']).toMatchObject({ additionalProperties: false });
});

it('promises of no answer that it has no further fields', () => {
  const strict = { ...things, schemas: { ...things.schemas, Thing: z.strictObject({ id: z.string() }) } };
  expect(create(strict).components.schemas['Thing']).not.toHaveProperty('additionalProperties');
});

it('says that null is accepted', () => {
  expect(schemas['Part']?.properties?.['size']).toEqual({
    anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }],
  });
});

it('has parameters with their examples', () => {
  expect(make?.parameters).toEqual([
    {
      name: 'shelf',
      in: 'path',
      required: true,
      description: 'Where it goes.',
      schema: { type: 'string' },
      examples: { One: { value: 'top' } },
    },
    {
      name: 'limit',
      in: 'query',
      required: false,
      description: 'At most so many.',
      schema: { type: 'integer', maximum: 100, default: 20 },
      examples: { One: { value: 5 } },
    },
    {
      name: 'after',
      in: 'query',
      required: true,
      schema: { type: 'string' },
      examples: { One: { value: 'x' } },
    },
  ]);
});

it('has bodies with their examples, which name a served model', () => {
  expect(make?.requestBody?.content).toEqual({
    'application/json': { ...json('ThingRequest'), examples: { One: { value: { by: 'r' } } } },
  });
  expect(document.paths['/things']?.['post']?.requestBody?.content).toEqual({
    'multipart/form-data': json('ThingRequest'),
  });
});

it('has each answer in each of its media types', () => {
  expect(make?.responses['201']?.content).toEqual({
    'application/json': json('Thing'),
    'text/event-stream': json('Event'),
  });
  expect(make?.responses['202']).not.toHaveProperty('content');
  expect(document.paths['/things']?.['post']?.responses['200']?.content).toEqual({
    'application/octet-stream': { schema: {} },
  });
});

it('lists errors by their status, in the words of the error table and the schema of the group', () => {
  const notJson = 'We could not parse the JSON body of your request: the API expects a JSON object.';
  expect(Object.keys(make?.responses ?? {})).toEqual(['201', '202', '400', '401', '429', '500', '504']);
  expect(make?.responses['400']).toEqual({
    description: `- ${notJson}\n- A string is empty.`,
    headers: expect.objectContaining({
      'x-request-id': { $ref: '#/components/headers/x-request-id' },
    }) as object,
    content: { 'application/json': json('Failure') },
  });
  expect(make?.responses['504']?.headers).toHaveProperty('retry-after');

  const { errorSchema: _own, ...plain } = things;
  expect(create(plain).paths['/things/{shelf}']?.['post']?.responses['400']).toMatchObject({
    description: `- ${notJson}\n- \`empty_string\`: A string is empty.`,
    content: { 'application/json': json('Error') },
  });
});

it('tells a key in each answer what it may still do, and nobody else', () => {
  const limits = (access: OperationGroup['access'], status: string) => {
    const group = access ? { ...things, access } : things;
    const { headers = {} } = create(group).paths['/things/{shelf}']?.['post']?.responses[status] ?? {};
    return Object.keys(headers).filter((name) => name.startsWith('x-ratelimit-'));
  };
  for (const status of ['201', '400', '429'])
    expect(limits(undefined, status)).toEqual([...rateLimitHeaders]);
  expect(limits(undefined, '401')).toEqual([]);
  expect(limits('admin', '201')).toEqual([]);
  expect(Object.keys(document.components.headers)).toEqual(expect.arrayContaining([...rateLimitHeaders]));
});

it.each([
  ['key', false, [{ apiKey: [] }, { apiKeyHeader: [] }], ['201', '202', '400', '401', '429', '500', '504']],
  ['key', true, undefined, ['201', '202', '400', '401', '429', '500', '504']],
  ['admin', true, [{ adminToken: [] }], ['201', '202', '400', '401', '500', '504']],
  ['anyone', false, undefined, ['201', '202', '400', '500', '504']],
] as const)(
  'says who may ask: with %s, while it is %j that there are no keys',
  (access, isOpen, security, statuses) => {
    const made = createDocument({ groups: [{ ...things, access }], version: '1', models, isOpen });
    const operation = made.paths['/things/{shelf}']?.['post'];
    expect(operation?.security).toEqual(security);
    expect(Object.keys(operation?.responses ?? {})).toEqual(statuses);
    expect(findDocumentErrors(made)).toEqual([]);
    for (const scheme of (security ?? []).flatMap((alternative) => Object.keys(alternative)))
      expect(made.components.securitySchemes).toHaveProperty(scheme);
  },
);

it('refuses one name for two schemas', () => {
  const others = { ...things, schemas: { ...things.schemas, Part: z.object({}) } };
  expect(() => create(things, others)).toThrow('Two schemas are called Part.');
  expect(() => create(things, things)).not.toThrow();
});
