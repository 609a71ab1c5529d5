import { defineGroup } from '../operation.js';

export const documentationGroup = defineGroup({
  name: 'Documentation',
  description: 'This description of the API.',
  access: 'anyone',
  schemas: {},
  operations: [
    {
      id: 'getOpenApiDocument',
      method: 'GET',
      path: '/openapi.json',
      summary: 'The API as an OpenAPI 3.1 document',
      answers: { 200: { description: 'The document.', other: 'application/json' } },
    },
    {
      id: 'getDocumentation',
      method: 'GET',
      path: '/docs',
      summary: 'The same as a page to read',
      answers: { 200: { description: 'The page.', other: 'text/html' } },
    },
  ],
});
