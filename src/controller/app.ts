import express, { type Express } from 'express';
import { xContentTypeOptions } from 'helmet';
import type { ControllerEvents } from '../observability/events.js';
import { checkHead } from './middleware/checkHead.js';
import { createCheckHost } from './middleware/checkHost.js';
import { createCheckOrigin } from './middleware/checkOrigin.js';
import { explainRoute } from './middleware/explainRoute.js';
import { handleErrors, refuseUnknownRoutes } from './middleware/handleErrors.js';
import { createKeepDeadline } from './middleware/keepDeadline.js';
import { trackRequests } from './middleware/trackRequests.js';
import { createRouter, type Guards, type Route } from './routes/route.js';

export interface AppDeps {
  readonly events: Pick<ControllerEvents, 'requestFinished' | 'internalCallRefused'>;
  readonly routes: readonly Route[];
  readonly guards: Guards;
  /** Names of this server beside its addresses, and origins whose pages may call it. */
  readonly hosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  /** The longest time for a request. */
  readonly requestTimeoutMs: number;
}

/** The order in which a request meets middleware and routes. */
export function createApp(deps: AppDeps): Express {
  const { events, routes, guards, hosts, allowedOrigins, requestTimeoutMs } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(trackRequests(events));
  app.use(xContentTypeOptions());
  app.use(checkHead);
  app.use(createCheckHost(hosts));
  app.use(createCheckOrigin(allowedOrigins));
  app.use(createKeepDeadline(requestTimeoutMs));
  app.use(explainRoute);
  app.use(createRouter(routes, guards));
  app.use(refuseUnknownRoutes);
  app.use(handleErrors);
  return app;
}
