import type { Context } from '@opentelemetry/api';
import type { ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../logger.js';
import { planRequestSpan, type SpanPlan, type TracedRequest } from './requestSpans.js';

/** Tells a collector of requests. */
export interface Tracer {
  /** @param parent what the client said in `traceparent`: the span that its request belongs to */
  requestEnded(request: TracedRequest, parent?: string): void;
  /** Sends what is not sent yet, as far as that is quick. */
  close(): Promise<void>;
}

export interface TracerOptions {
  /** Of OTLP over HTTP: `http://127.0.0.1:4318`. */
  readonly endpoint: string;
  readonly version: string;
  readonly logger: Logger;
}

/** What a stopping controller waits for a collector. */
const goodbyeMs = 2_000;
/** Of one call, with its repetitions. */
const sendTimeoutMs = 5_000;
const batchSpans = 512;
/** Spans that wait to be sent; more are dropped. The exporter refuses more than 30 calls at once. */
export const maxWaitingSpans = 29 * batchSpans;

/** Where a collector takes them. */
export function toTracesUrl(endpoint: string): string {
  return `${endpoint}/v1/traces`;
}

/**
 * Sends spans over OTLP. OpenTelemetry is loaded only here. Spans are made when a request has ended, from the times that
 * were noted on its way: nothing waits for them, and where nobody takes them they are dropped.
 */
export async function startTracer({ endpoint, version, logger }: TracerOptions): Promise<Tracer> {
  const [api, core, sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const url = toTracesUrl(endpoint);
  let isClosed = false;
  const tellLoss = (reason: string) => logger.error('traces cannot be sent', { url, reason });
  // With kept connections, Node throws where a collector answers and leaves before it has read all of a call.
  const sender = new OTLPTraceExporter({ url, timeoutMillis: sendTimeoutMs, keepAlive: false });
  const exporter = watch(sender, core.ExportResultCode.SUCCESS, (failure) => {
    if (isClosed) return;
    if (failure === undefined) logger.info('traces are sent again', { url });
    else tellLoss(failure);
  });
  // Its warnings are of spans that a full queue or the collector has dropped, and of answers that are no OTLP; of the
  // rest `watch` tells.
  const warn = (...reasons: unknown[]) =>
    logger.warn('traces may be lost', { url, reason: reasons.join(' ') });
  api.diag.setLogger(
    { warn, error: ignore, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const provider = new sdk.TracerProvider({
    // What is said in OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES stands.
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.name': 'ai-cluster', 'service.version': version }))
      .merge(resources.detectResources({ detectors: [resources.envDetector] })),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter,
        maxQueueSize: maxWaitingSpans,
        maxExportBatchSize: batchSpans,
      }),
    ],
  });
  const tracer = provider.getTracer('ai-cluster', version);
  const kinds = {
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    internal: api.SpanKind.INTERNAL,
  };

  function tell(plan: SpanPlan, parent: Context, toDate: (ms: number) => number): void {
    const options = {
      kind: kinds[plan.kind],
      startTime: toDate(plan.startedAt),
      attributes: plan.attributes,
    };
    const span = tracer.startSpan(plan.name, options, parent);
    if (plan.isError) span.setStatus({ code: api.SpanStatusCode.ERROR });
    const context = api.trace.setSpan(parent, span);
    for (const child of plan.children) tell(child, context, toDate);
    span.end(toDate(plan.endedAt));
  }

  function contextOf(parent: string | undefined): Context {
    const spanContext = parent === undefined ? null : core.parseTraceParent(parent);
    if (!spanContext) return api.ROOT_CONTEXT;
    return api.trace.setSpanContext(api.ROOT_CONTEXT, { ...spanContext, isRemote: true });
  }

  /** All batches; the provider's promise ends with the first one that fails. */
  const sendAll = () =>
    provider
      .shutdown()
      .catch(() => sender.forceFlush())
      .then(() => true);

  return {
    requestEnded(request, parent) {
      const sinceEpochMs = Date.now() - performance.now();
      tell(planRequestSpan(request), contextOf(parent), (ms) => sinceEpochMs + ms);
    },
    async close() {
      const timer = new AbortController();
      const isTooLate = delay(goodbyeMs, false, { signal: timer.signal }).catch(() => false);
      const isOver = await Promise.race([sendAll(), isTooLate]);
      timer.abort();
      if (!isOver && !exporter.isFailing()) tellLoss(`no answer within ${goodbyeMs} ms`);
      isClosed = true;
    },
  };
}

function ignore(): void {}

interface WatchedExporter extends SpanExporter {
  /** Whether what was sent last was lost. */
  isFailing(): boolean;
}

/** Says when spans begin to be lost, and when they arrive again; not each time. */
function watch(
  exporter: SpanExporter,
  success: ExportResultCode,
  onChange: (failure: string | undefined) => void,
): WatchedExporter {
  let isFailing = false;
  return {
    isFailing: () => isFailing,
    export(spans: ReadableSpan[], done: (result: ExportResult) => void) {
      exporter.export(spans, (result) => {
        const hasFailed = result.code !== success;
        if (hasFailed !== isFailing) onChange(hasFailed ? describeFailure(result.error) : undefined);
        isFailing = hasFailed;
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}

/** The status of the collector, and what it or the system says to it. Nothing of a prompt is in what was sent. */
function describeFailure(error: (Error & { readonly code?: number | string }) | undefined): string {
  const { code = '', message = '' } = error ?? {};
  const parts = message.includes(String(code)) ? [message] : [code, message];
  return parts.join(' ').trim() || 'unknown';
}
