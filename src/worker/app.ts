import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Registry } from 'prom-client';
import { ApiError, toApiError } from '../protocol/apiError.js';
import { statusOfFailure, type GenerationFailure } from '../protocol/generation.js';
import { describeError } from '../observability/describeError.js';
import type { Logger } from '../observability/logger.js';
import { isFromThisMachine } from '../security/loopback.js';
import { RefusedError } from './refusedError.js';
import { createRequireClusterToken, hasClusterToken } from './requireClusterToken.js';
import { createCountRoute } from './routes/count.js';
import { createEmbeddingRoutes } from './routes/embeddings.js';
import { createGenerateRoute } from './routes/generate.js';
import type { RouteDeps } from './routes/routeDeps.js';
import { createTokenizationRoutes } from './routes/tokenization.js';

export interface WorkerAppDeps extends RouteDeps {
  readonly nodeId: string;
  readonly clusterToken: string;
  readonly registry: Registry;
  readonly logger: Logger;
}

/**
 * The worker's HTTP surface: the internal protocol for the controller, health and metrics for operators. Without the
 * cluster's token anybody learns whether it is well, and programs on its machine read the metrics.
 */
export function createWorkerApp(deps: WorkerAppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  const requireToken = createRequireClusterToken(deps.clusterToken);
  app.get('/health', (req, res) => {
    const report = deps.report();
    const details = hasClusterToken(req, deps.clusterToken) ? report : {};
    res
      .status(report.phase === 'ready' ? 200 : 503)
      .json({ status: report.phase, nodeId: deps.nodeId, ...details });
  });
  const requireScraper: RequestHandler = (req, res, next) =>
    isFromThisMachine(req) ? next() : requireToken(req, res, next);
  app.get('/metrics', requireScraper, async (_req, res) => {
    res.set('content-type', deps.registry.contentType).send(await deps.registry.metrics());
  });
  app.use(requireToken);
  app.use(createGenerateRoute(deps));
  app.use(createEmbeddingRoutes(deps));
  app.use(createTokenizationRoutes(deps));
  app.use(createCountRoute(deps));
  app.use((req) => {
    throw new ApiError('route_not_found', { message: `Invalid URL (${req.method} ${req.path})` });
  });
  app.use(createErrorHandler(deps.logger));
  return app;
}

function createErrorHandler(logger: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (thrown, req, res, _next) => {
    if (thrown instanceof RefusedError) {
      return void res.status(statusOfFailure[thrown.failure.code]).json(thrown.failure);
    }
    const error = toApiError(thrown);
    if (error.status >= 500)
      logger.error('internal call failed', { path: req.path, error: describeError(error.cause) });
    if (res.headersSent) return void res.destroy();
    const isInternal = error.status >= 500;
    const failure: GenerationFailure = {
      code: isInternal ? 'engine_failed' : 'invalid_request',
      message: error.param ? `${error.message} (${error.param})` : error.message,
      retryable: isInternal,
    };
    res.status(error.status).json(failure);
  };
}
