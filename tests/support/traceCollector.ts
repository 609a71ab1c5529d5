import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

/** OTLP's JSON, as far as it is sent here; what is not in it is refused. */
const Value = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: z.number() }),
  z.strictObject({ doubleValue: z.number() }),
  z.strictObject({
    arrayValue: z.strictObject({ values: z.array(z.strictObject({ stringValue: z.string() })) }),
  }),
]);
const Attributes = z
  .array(z.strictObject({ key: z.string(), value: Value }))
  .transform((list) =>
    Object.fromEntries(list.map(({ key, value }) => [key, toPlain(Object.values(value)[0] as unknown)])),
  );
const Nanoseconds = z
  .string()
  .regex(/^\d{19}$/)
  .transform((text) => Number(BigInt(text) / 1000n) / 1000);
const Span = z.object({
  traceId: z.string().regex(/^[\da-f]{32}$/),
  spanId: z.string().regex(/^[\da-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  startTimeUnixNano: Nanoseconds,
  endTimeUnixNano: Nanoseconds,
  attributes: Attributes,
  status: z.object({ code: z.number() }),
});
const Body = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: Attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(Span) })),
    }),
  ),
});

function toPlain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return (value as { values: { stringValue: string }[] }).values.map(({ stringValue }) => stringValue);
}

const kinds = { 1: 'internal', 2: 'server', 3: 'client' } as const;

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface TraceCollector {
  readonly endpoint: string;
  readonly spans: readonly CollectedSpan[];
  /** Of those that sent them: `service.name` and the like. */
  readonly resources: readonly Readonly<Record<string, unknown>>[];
  /** What came, as it came. */
  text(): string;
  readonly headers: readonly IncomingHttpHeaders[];
  /** 200 takes what is sent; with another one it is lost. */
  status: number;
  /** Until it answers. */
  delayMs: number;
  close(): Promise<void>;
}

/** Takes traces as an OpenTelemetry collector does: OTLP as JSON over HTTP. */
export async function startTraceCollector(): Promise<TraceCollector> {
  const spans: CollectedSpan[] = [];
  const resources: Record<string, unknown>[] = [];
  const seenHeaders: IncomingHttpHeaders[] = [];
  let text = '';
  const server = createServer((req, res) => {
    void buffer(req).then(async (bytes) => {
      await delay(collector.delayMs);
      seenHeaders.push(req.headers);
      if (collector.status !== 200) return void res.writeHead(collector.status).end();
      if (req.method !== 'POST' || req.url !== '/v1/traces') return void res.writeHead(404).end();
      text += bytes.toString();
      for (const { resource, scopeSpans } of Body.parse(JSON.parse(bytes.toString())).resourceSpans) {
        resources.push(resource.attributes);
        spans.push(...scopeSpans.flatMap((scope) => scope.spans.map(toCollected)));
      }
      res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const collector: TraceCollector = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    resources,
    text: () => text,
    headers: seenHeaders,
    status: 200,
    delayMs: 0,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return collector;
}

function toCollected(span: z.infer<typeof Span>): CollectedSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: kinds[span.kind],
    startedAt: span.startTimeUnixNano,
    endedAt: span.endTimeUnixNano,
    isError: span.status.code === 2,
    attributes: span.attributes,
  };
}
