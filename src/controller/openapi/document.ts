import type { z } from 'zod';
import { toErrorResponses } from './errors.js';
import { headerComponents, headersOf } from './headers.js';
import {
  type Content,
  type Examples,
  type OpenApiDocument,
  type OperationObject,
  type ParameterObject,
  referenceTo,
  type ResponseObject,
} from './openApiDocument.js';
import type {
  Answer,
  DescribedAccess,
  Example,
  ExampleModels,
  Operation,
  OperationGroup,
} from './operation.js';
import { accessErrors, requirementsOf, securitySchemes } from './security.js';
import { errorSchemaName, toComponentSchemas, toParameterSchemas } from './schemas.js';

export interface DocumentOptions {
  readonly groups: readonly OperationGroup[];
  /** The program's. */
  readonly version: string;
  readonly models: ExampleModels;
  /** No API key is asked for. */
  readonly isOpen: boolean;
}

const description = `One endpoint for open models, spoken to as OpenAI's.

The paths under \`/v1\` exist without it, too. In a request, \`null\` is the default, and fields that are not known are \
ignored, unless they are known to change the answer: these are refused. An answer may get more fields than are \
described here.`;

/** The OpenAPI document of the groups. */
export function createDocument({ groups, version, models, isOpen }: DocumentOptions): OpenApiDocument {
  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const group of groups) {
    for (const operation of group.operations) {
      const methods = (paths[operation.path] ??= {});
      methods[operation.method.toLowerCase()] = toOperationObject(group, operation, { models, isOpen });
    }
  }
  return {
    openapi: '3.1.1',
    info: { title: 'ai-cluster', version, description },
    servers: [{ url: '/' }],
    tags: groups.map((group) => ({ name: group.name, description: group.description })),
    paths,
    components: {
      securitySchemes,
      schemas: toComponentSchemas(groups),
      headers: headerComponents,
    },
  };
}

function toOperationObject(
  group: OperationGroup,
  operation: Operation,
  { models, isOpen }: Pick<DocumentOptions, 'models' | 'isOpen'>,
): OperationObject {
  const access = operation.access ?? group.access ?? 'key';
  const security = requirementsOf(access, isOpen);
  const examples = operation.examples?.(models) ?? {};
  const parameters = [
    ...toParameters('path', operation.pathParameters, examples),
    ...toParameters('query', operation.query, examples),
  ];
  return {
    operationId: operation.id,
    tags: [group.name],
    summary: operation.summary,
    ...(operation.description !== undefined && { description: operation.description }),
    ...(security.length > 0 && { security }),
    ...(parameters.length > 0 && { parameters }),
    ...(operation.request && {
      requestBody: { required: true, content: toRequestContent(operation.request, examples) },
    }),
    responses: {
      ...toErrorResponses([...accessErrors[access], ...(operation.errors ?? [])], {
        schema: referenceTo(group.errorSchema ?? errorSchemaName),
        hasCodes: group.errorSchema === undefined,
        access,
      }),
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [
          status,
          toResponse(Number(status), answer, access),
        ]),
      ),
    },
  };
}

function toParameters(
  place: 'path' | 'query',
  parameters: z.ZodObject | undefined,
  examples: Readonly<Record<string, Example>>,
): ParameterObject[] {
  if (!parameters) return [];
  const { properties, required } = toParameterSchemas(parameters);
  return Object.entries(properties).map(([name, { description: text, ...schema }]) => ({
    name,
    in: place,
    required: place === 'path' || required.has(name),
    ...(text !== undefined && { description: text }),
    schema,
    ...toExamples(examples, (example) => example[place]?.[name]),
  }));
}

function toRequestContent(
  request: NonNullable<Operation['request']>,
  examples: Readonly<Record<string, Example>>,
): Content {
  const [mediaType, name] =
    'json' in request ? ['application/json', request.json] : ['multipart/form-data', request.form];
  return { [mediaType]: { schema: referenceTo(name), ...toExamples(examples, ({ body }) => body) } };
}

function toExamples(
  examples: Readonly<Record<string, Example>>,
  pick: (example: Example) => unknown,
): { examples?: Examples } {
  const picked = Object.entries(examples)
    .map(([title, example]) => [title, { value: pick(example) }] as const)
    .filter(([, { value }]) => value !== undefined);
  return picked.length === 0 ? {} : { examples: Object.fromEntries(picked) };
}

function toResponse(
  status: number,
  { description: text, json, events, other }: Answer<string>,
  access: DescribedAccess,
): ResponseObject {
  const content: Content = {
    ...(json !== undefined && { 'application/json': { schema: referenceTo(json) } }),
    ...(events !== undefined && { 'text/event-stream': { schema: referenceTo(events) } }),
    ...(other !== undefined && { [other]: { schema: {} } }),
  };
  const hasContent = Object.keys(content).length > 0;
  return { description: text, headers: headersOf(status, access), ...(hasContent && { content }) };
}
