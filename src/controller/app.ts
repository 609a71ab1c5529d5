import express, { type Express } from 'express';
import type { ControllerEvents } from '../observability/events.js';
import { explainRoute } from './middleware/explainRoute.js';
import { handleErrors, refuseUnknownRoutes } from './middleware/handleErrors.js';
import { createKeepDeadline } from './middleware/keepDeadline.js';
import { trackRequests } from './middleware/trackRequests.js';
import { createRouter, type Route } from './routes/route.js';

export interface AppDeps {
  readonly events: Pick<ControllerEvents, 'requestFinished' | 'internalCallRefused'>;
  readonly routes: readonly Route[];
  /** The longest time for a request. */
  readonly requestTimeoutMs: number;
}

/** The order in which a request meets middleware and routes. */
export function createApp({ events, routes, requestTimeoutMs }: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(trackRequests(events));
  app.use(createKeepDeadline(requestTimeoutMs));
  app.use(explainRoute);
  app.use(createRouter(routes));
  app.use(refuseUnknownRoutes);
  app.use(handleErrors);
  return app;
}
