import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type ErrorRequestHandler, type Express, type Response } from 'express';
import type { Registry } from 'prom-client';
import { ApiError, toApiError } from '../protocol/apiError.js';
import { GenerateRequest, statusOfFailure, type GenerationFailure } from '../protocol/generation.js';
import { ndjsonContentType } from '../protocol/headers.js';
import { parseBody } from '../protocol/parseBody.js';
import { internalPaths, type NodeReport } from '../protocol/workerApi.js';
import type { Logger } from '../observability/logger.js';
import type { Scheduler } from './scheduler.js';

export interface WorkerAppDeps {
  readonly nodeId: string;
  readonly registry: Registry;
  readonly logger: Logger;
  /** The scheduler of a loaded model. */
  readonly schedulerOf: (model: string) => Scheduler | undefined;
  readonly report: () => NodeReport;
}

/** A prompt as large as the largest body that the controller takes, and what the protocol adds to it. */
const maxBodyBytes = '16mb';

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
  app.post(internalPaths.generate, express.json({ limit: maxBodyBytes }), async (req, res) => {
    await generate(deps, req.body, res);
  });
  app.use((req) => {
    throw new ApiError('route_not_found', { message: `Invalid URL (${req.method} ${req.path})` });
  });
  app.use(createErrorHandler(deps.logger));
  return app;
}

async function generate(deps: WorkerAppDeps, body: unknown, res: Response): Promise<void> {
  if (deps.report().phase === 'draining') {
    return refuse(res, { code: 'draining', message: 'This worker is shutting down.', retryable: true });
  }
  const request = parseBody(GenerateRequest, body);
  const scheduler = deps.schedulerOf(request.model);
  if (!scheduler) {
    const message = `The model '${request.model}' is not loaded here.`;
    return refuse(res, { code: 'model_not_loaded', message, retryable: true });
  }

  const abort = new AbortController();
  res.once('close', () => abort.abort());
  const submission = scheduler.submit(request, abort.signal);
  if (submission.kind === 'refused') return refuse(res, submission.failure);

  res.status(200).set('content-type', ndjsonContentType);
  res.socket?.setNoDelay(true);
  const toLines = new Transform({
    writableObjectMode: true,
    transform: (event, _encoding, callback) => callback(null, `${JSON.stringify(event)}\n`),
  });
  try {
    await pipeline(submission.events, toLines, res);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  }
}

function refuse(res: Response, failure: GenerationFailure): void {
  res.status(statusOfFailure[failure.code]).json(failure);
}

function createErrorHandler(logger: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (thrown, req, res, _next) => {
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
