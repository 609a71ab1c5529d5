import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenApiDocument, Schema } from '../../src/controller/openapi/openApiDocument.js';
import openApiSchema from './openApi31/schema.json' with { type: 'json' };

function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, logger: false, allErrors: true });
  addFormats.default(ajv);
  return ajv;
}

/** What the official schema of OpenAPI 3.1 has against a document. */
export function findDocumentErrors(document: unknown): string[] {
  const validate = createAjv().compile(openApiSchema);
  return validate(document) ? [] : (validate.errors ?? []).map((error) => JSON.stringify(error));
}

const schemaAjv = createAjv();

/** What JSON Schema 2020-12 has against a schema. */
export function findSchemaErrors(schema: Schema): string[] {
  if (schemaAjv.validateSchema(schema)) return [];
  return (schemaAjv.errors ?? []).map((error) => JSON.stringify(error));
}

/** Says what a schema of the document, given by its reference, has against a value. */
export function createValueJudge(document: OpenApiDocument): (reference: string, value: unknown) => string[] {
  const ajv = createAjv().addSchema(document, 'document');
  return (reference, value) => {
    const validate = ajv.compile({ $ref: `document${reference}` });
    return validate(value) ? [] : (validate.errors ?? []).map((error) => JSON.stringify(error));
  };
}
