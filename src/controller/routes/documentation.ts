import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import type { ModelKind } from '../../protocol/workerApi.js';
import { createDocument } from '../openapi/document.js';
import type { ExampleModels } from '../openapi/operation.js';
import { operationGroups } from '../openapi/operationGroups.js';
import { renderPage } from '../openapi/page/page.js';
import { stylesSource } from '../openapi/page/styles.js';
import type { ModelRegistry } from './models.js';
import type { Route } from './route.js';

export interface DocumentationDeps {
  readonly version: string;
  /** Examples ask for models that are served. */
  readonly models: ModelRegistry;
}

type SocketName = Pick<Socket, 'localAddress' | 'localPort'>;

/** The page is plain text and links: nothing runs, nothing is fetched, nothing can be put around it. */
const pageHeaders = {
  'content-security-policy': `default-src 'none'; style-src ${stylesSource}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
} as const;

/** `GET /openapi.json`, and `GET /docs` as a page of the same. */
export function documentationRoutes({ version, models }: DocumentationDeps): Route[] {
  const readDocument = rememberLast((exampleModels: ExampleModels) =>
    createDocument({ groups: operationGroups, version, models: exampleModels }),
  );
  const readPage = rememberLast(({ shown, baseUrl }: { shown: ExampleModels; baseUrl: string }) =>
    renderPage(readDocument(shown), baseUrl),
  );

  const sendDocument: RequestHandler = (_req, res) => {
    res
      .set({ 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' })
      .json(readDocument(toExampleModels(models)));
  };
  const sendPage: RequestHandler = (req, res) => {
    res.set({ 'cache-control': 'no-cache', ...pageHeaders });
    res.type('html').send(readPage({ shown: toExampleModels(models), baseUrl: toBaseUrl(req.socket) }));
  };
  return [
    { path: '/openapi.json', methods: { GET: [sendDocument] } },
    { path: '/docs', methods: { GET: [sendPage] } },
  ];
}

/** Builds at the first call, and again when it is called with something else. */
function rememberLast<Input extends object, Output>(
  build: (input: Input) => Output,
): (input: Input) => Output {
  let last: { readonly key: string; readonly output: Output } | undefined;
  return (input) => {
    const key = JSON.stringify(input);
    if (last?.key !== key) last = { key, output: build(input) };
    return last.output;
  };
}

function toExampleModels(models: ModelRegistry): ExampleModels {
  const ids = models.ids();
  const find = (kind: ModelKind) =>
    ids.find((id) => models.kindOf(id) === kind) ??
    // Its worker has not joined yet.
    ids.find((id) => models.kindOf(id) === undefined) ??
    `your-${kind}-model`;
  return { generation: find('generation'), embedding: find('embedding'), ranking: find('ranking') };
}

/** Where the request arrived. The `host` header would say it too, in the words of whoever sent it. */
function toBaseUrl({ localAddress = '127.0.0.1', localPort = 80 }: SocketName): string {
  const address = localAddress.replace(/^::ffff:(?=[\d.]+$)/, '');
  return `http://${address.includes(':') ? `[${address}]` : address}:${localPort}`;
}
