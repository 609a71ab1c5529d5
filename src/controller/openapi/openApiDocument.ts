import type { z } from 'zod';

/** The part of OpenAPI 3.1 that the document uses. */
export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** Path → method in lower case. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, SecurityScheme>>;
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly headers: Readonly<Record<string, HeaderObject>>;
  };
}

export interface OperationObject {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  /** One of them has to be met; absent: none. */
  readonly security?: readonly SecurityRequirement[];
  readonly parameters?: readonly ParameterObject[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, ResponseObject>>;
}

export type SecurityScheme = { readonly description: string } & (
  | { readonly type: 'http'; readonly scheme: 'bearer' | 'basic' }
  | { readonly type: 'apiKey'; readonly in: 'header'; readonly name: string }
);
/** The name of a scheme. */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>;

export interface ParameterObject {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
  readonly examples?: Examples;
}

export interface HeaderObject {
  readonly description: string;
  readonly schema: Schema;
}

export interface ResponseObject {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Reference>>;
  readonly content?: Content;
}

/** Media type → what it holds. */
export type Content = Readonly<Record<string, { readonly schema: Schema; readonly examples?: Examples }>>;
export type Examples = Readonly<Record<string, { readonly value: unknown }>>;
export type Schema = z.core.JSONSchema.BaseSchema;
/** A type, not an interface, so that it is a schema as well. */
export type Reference = { readonly $ref: string };

const schemaPrefix = '#/components/schemas/';

export function referenceTo(schemaName: string): Reference {
  return { $ref: `${schemaPrefix}${schemaName}` };
}

/** The name of the schema that is referred to. */
export function referredName(reference: string): string {
  return reference.slice(schemaPrefix.length);
}
