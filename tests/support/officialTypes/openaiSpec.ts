import path from 'node:path';
import { allowances, computedByTheClient } from './allowances.js';
import { createTypeJudge, toClosedObject, type TypeJudge } from './typeJudge.js';
import type { Schema } from './typeSchemas.js';

/** The modules of the client that describe requests and answers. */
export const openAiModules = [
  'chat/completions/completions',
  'completions',
  'models',
  'embeddings',
  'files',
  'batches',
  'responses/responses',
  'responses/input-items',
  'responses/input-tokens',
  'shared',
].map((name) => `resources/${name}.d.ts`);

const nullableId: Schema = { anyOf: [{ type: 'string' }, { type: 'null' }] };

/** The client has a class for its pages, which keeps only what it needs of them; the official document has the rest. */
const pageOf = (type: string) => (schemaOf: (name: string) => Schema) =>
  toClosedObject({
    object: { const: 'list' },
    data: { type: 'array', items: schemaOf(type) },
    // An empty page has neither.
    first_id: nullableId,
    last_id: nullableId,
    has_more: { type: 'boolean' },
  });

/** What the official document names and the types do not. */
const wrappers = {
  ListModelsResponse: (schemaOf: (name: string) => Schema) =>
    toClosedObject({ object: { const: 'list' }, data: { type: 'array', items: schemaOf('Model') } }),
  ListFilesResponse: pageOf('FileObject'),
  ListBatchesResponse: pageOf('Batch'),
  // For the client it has no answer (`void`).
  DeletedResponse: () =>
    toClosedObject({ id: { type: 'string' }, object: { const: 'response' }, deleted: { const: true } }),
  ErrorResponse: (schemaOf: (name: string) => Schema) => toClosedObject({ error: schemaOf('ErrorObject') }),
};

/** The types of the installed `openai` package as a judge. */
export function openOpenAiSpec(packageFolder = path.resolve('node_modules/openai')): TypeJudge {
  return createTypeJudge({
    packageFolder,
    modules: openAiModules,
    allowances,
    notSent: computedByTheClient,
    wrappers,
  });
}
