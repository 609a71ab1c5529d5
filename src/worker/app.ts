import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Registry } from 'prom-client';
import { ApiError, toApiError } from '../protocol/apiError.js';
import { statusOfFailure, type GenerationFailure } from '../protocol/generation.js';
import type { Logger } from '../observability/logger.js';
import { RefusedError } from './refusedError.js';
import { createCountRoute } from './routes/count.js';
import { createEmbeddingRoutes } from './routes/embeddings.js';
import { createGenerateRoute } from './routes/generate.js';
import type { RouteDeps } from './routes/routeDeps.js';
import { createTokenizationRoutes } from './routes/tokenization.js';

export interface WorkerAppDeps extends RouteDeps {
  readonly nodeId: string;
  readonly registry: Registry;
  readonly logger: Logger;
}

/** The worker's HTTP surface: the internal protocol for the controller, health and metrics for operators. */
export function createWorkerApp(deps: WorkerAppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  app.get('/health', (_req, res) => {
    const report = deps.report();
    res
      .status(report.phase === 'ready' ? 200 : 503)
      .json({ status: report.phase, nodeId: deps.nodeId, ...report });
  });
  app.get('/metrics', async (_req, res) => {
    res.set('content-type', deps.registry.contentType).send(await deps.registry.metrics());
  });
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
      logger.error('internal call failed', { path: req.path, error: describe(error.cause) });
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

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
