import type { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { ModelKind } from '../../protocol/workerApi.js';
import { createDocument, type DocumentOptions } from '../openapi/document.js';
import type { ExampleModels } from '../openapi/operation.js';
import { operationGroups } from '../openapi/operationGroups.js';
import { renderPage } from '../openapi/page/page.js';
import { stylesSource } from '../openapi/page/styles.js';
import type { ModelRegistry } from './models.js';
import type { Route } from './route.js';

export interface DocumentationDeps {
  readonly version: string;
  /** Examples ask for models that are served, as long as everybody may know them. */
  readonly models: ModelRegistry;
  /** There are no API keys. */
  readonly isOpen: () => boolean;
}

type Shown = Pick<DocumentOptions, 'models' | 'isOpen'>;
type SocketName = Pick<Socket, 'localAddress' | 'localPort'>;

/** The page is plain text and links: nothing runs, nothing is fetched, nothing can be put around it. */
const protectPage = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: [stylesSource],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' },
  // Whether there is TLS is the operator's choice, for the whole name and not for this page.
  strictTransportSecurity: false,
});

/** `GET /openapi.json`, and `GET /docs` as a page of the same. */
export function documentationRoutes({ version, models, isOpen }: DocumentationDeps): Route[] {
  const readDocument = rememberLast((shown: Shown) =>
    createDocument({ groups: operationGroups, version, ...shown }),
  );
  const readPage = rememberLast(({ shown, baseUrl }: { shown: Shown; baseUrl: string }) =>
    renderPage(readDocument(shown), baseUrl),
  );
  const readShown = (): Shown => ({
    models: toExampleModels(models, isOpen() ? models.ids() : []),
    isOpen: isOpen(),
  });

  const sendDocument: RequestHandler = (_req, res) => {
    res.set('cache-control', 'no-cache').json(readDocument(readShown()));
  };
  const sendPage: RequestHandler = (req, res) => {
    const page = readPage({ shown: readShown(), baseUrl: toBaseUrl(req.socket) });
    res.set('cache-control', 'no-cache').type('html').send(page);
  };
  return [
    { path: '/openapi.json', access: 'anyone', methods: { GET: [sendDocument] } },
    { path: '/docs', access: 'anyone', methods: { GET: [protectPage, sendPage] } },
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

function toExampleModels(models: ModelRegistry, ids: readonly string[]): ExampleModels {
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
