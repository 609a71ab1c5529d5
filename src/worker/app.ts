import compression from 'compression';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { ApiError, toApiError } from '../protocol/apiError.js';
import { statusOfFailure, type GenerationFailure } from '../protocol/generation.js';
import { describeError } from '../observability/describeError.js';
import type { Logger } from '../observability/logger.js';
import { metricsPaths } from '../observability/metrics/metricsRegistry.js';
import type { WorkerMetrics } from '../observability/metrics/workerMetrics.js';
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
  readonly metrics: Pick<WorkerMetrics, 'registry'>;
  readonly logger: Logger;
}

/**
 * The worker's HTTP surface: the internal protocol for the controller, health and metrics for operators. Without the
 * cluster's token anybody learns whether it is well, and programs on its machine read the metrics.
 */
export function createWorkerApp(deps: WorkerAppDeps & { readonly tellsMetrics: boolean }): Express {
  return createApp(deps.logger, (app) => {
    app.get('/health', (req, res) => {
      const report = deps.report();
      const details = hasClusterToken(req, deps.clusterToken) ? report : {};
      res
        .status(report.phase === 'ready' ? 200 : 503)
        .json({ status: report.phase, nodeId: deps.nodeId, ...details });
    });
    if (deps.tellsMetrics) app.get([...metricsPaths], createMetricsHandlers(deps));
    app.use(createRequireClusterToken(deps.clusterToken));
    app.use(createGenerateRoute(deps));
    app.use(createEmbeddingRoutes(deps));
    app.use(createTokenizationRoutes(deps));
    app.use(createCountRoute(deps));
  });
}

/** The metrics alone, for a port of their own. */
export function createScrapeApp(deps: Pick<WorkerAppDeps, 'clusterToken' | 'metrics' | 'logger'>): Express {
  return createApp(deps.logger, (app) => {
    app.get([...metricsPaths], createMetricsHandlers(deps));
  });
}

function createApp(logger: Logger, addRoutes: (app: Express) => void): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  addRoutes(app);
  app.use((req) => {
    throw new ApiError('route_not_found', { message: `Invalid URL (${req.method} ${req.path})` });
  });
  app.use(createErrorHandler(logger));
  return app;
}

function createMetricsHandlers({
  clusterToken,
  metrics: { registry },
}: Pick<WorkerAppDeps, 'clusterToken' | 'metrics'>): RequestHandler[] {
  const requireToken = createRequireClusterToken(clusterToken);
  return [
    (req, res, next) => (isFromThisMachine(req) ? next() : requireToken(req, res, next)),
    compression(),
    async (_req, res) => {
      if (!registry.isEnabled) {
        const message = 'Metrics are switched off: start the worker with METRICS_ENABLED=1.';
        throw new ApiError('route_not_found', { message });
      }
      res.set('content-type', registry.contentType).send(await registry.text());
    },
  ];
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
