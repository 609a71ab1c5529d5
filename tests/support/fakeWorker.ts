import { randomUUID } from 'node:crypto';
import { once, type EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import winston from 'winston';
import { CountRequest, type CountResponse } from '../../src/protocol/count.js';
import { GenerateRequest } from '../../src/protocol/generateRequest.js';
import { type GenerationEvent, type GenerationFailure } from '../../src/protocol/generation.js';
import type { HeldPrefix } from '../../src/protocol/prefix.js';
import { ndjsonContentType } from '../../src/protocol/headers.js';
import { internalPaths, type ModelKind, type NodeReport } from '../../src/protocol/workerApi.js';
import { closeServer } from '../../src/worker/closeServer.js';
import { startControllerLink, type ControllerLink } from '../../src/worker/joinController.js';
import { answer } from './workerScripts.js';
import { clusterAuthorization, testClusterToken } from './clusterToken.js';

/** One generate request, as the script that answers it sees it. */
export interface WorkerCall {
  readonly request: GenerateRequest;
  /** Aborted when the controller closed the connection before the stream was over. */
  readonly signal: AbortSignal;
  /** Sends an event; waits while the controller does not read. `done` frees the slot first, as the worker does. */
  send(event: GenerationEvent): Promise<void>;
  /** Sends a line that is no event. */
  sendLine(line: string): Promise<void>;
  /** Sends bytes as they are, behind these headers where none were sent. */
  sendRaw(bytes: string | Buffer, headers?: Record<string, string>): Promise<void>;
  /** Sends the status and the headers of a stream, and no event. */
  sendHeaders(): void;
  refuse(status: number, failure: GenerationFailure): void;
  /** Ends the connection with a TCP reset: the controller may lose what was sent shortly before. */
  reset(): void;
  /** Closes the connection in the middle of the stream: what was sent before arrives. */
  breakOff(): void;
  /** Ends the stream in order, finished or not. */
  end(): void;
}

export type Script = (call: WorkerCall) => Promise<void> | void;

/** One call with one answer: embed, rank, tokenize or detokenize. */
export interface PlainCall {
  readonly path: string;
  readonly body: Record<string, unknown>;
  /** Aborted when the controller closed the connection before the answer was there. */
  readonly signal: AbortSignal;
  answer(body: object): void;
  refuse(status: number, failure: GenerationFailure): void;
  /** An informational answer (102), which says that the work goes on. */
  signOfLife(): void;
  reset(): void;
}

export type PlainScript = (call: PlainCall) => Promise<void> | void;

export interface FakeWorkerOptions {
  readonly nodeId?: string;
  readonly models?: readonly string[];
  readonly slots?: number;
  /** Answers the requests that no script of {@link FakeWorker.answerNext} takes. */
  readonly script?: Script;
  /** Of its models; `generation` by default. */
  readonly kind?: ModelKind;
  /** Answers calls with one answer that no script of {@link FakeWorker.answerNextCall} takes. */
  readonly plainScript?: PlainScript;
  readonly port?: number;
  /** Where it says that it is reached, if it is not where it listens: behind a proxy. */
  readonly advertisedUrl?: string;
  /** How long it says that every prompt is. */
  readonly promptTokens?: number;
}

/** A worker without a model: the real protocol over real sockets, with answers from scripts. */
export interface FakeWorker {
  readonly nodeId: string;
  readonly url: string;
  /** Accepted requests, in the order of arrival; a refused one is in {@link refusals}. */
  readonly requests: readonly GenerateRequest[];
  /** What it was asked to count. */
  readonly counts: readonly CountRequest[];
  /** Request ids whose connection the controller closed before the stream was over. */
  readonly aborts: readonly string[];
  /** What was answered 400 or 409 without a script: a full worker, a broken request. */
  readonly refusals: readonly GenerationFailure[];
  script: Script;
  /** Calls with one answer that found a slot or needed none, in the order of arrival. */
  readonly calls: readonly Pick<PlainCall, 'path' | 'body' | 'signal'>[];
  answerNextCall(...scripts: readonly PlainScript[]): void;
  /** The next requests get these scripts, one each. */
  answerNext(...scripts: readonly Script[]): void;
  slotsBusy(): number;
  /** How it answers the controller's health probes: with its phase, never, or with a broken connection. */
  health: 'ok' | 'silent' | 'broken';
  /** Connections that requests came on so far; those of health probes are not counted. */
  connections(): number;
  /** And those that are open now. */
  openConnections(): number;
  /** Joins and sends heartbeats, as the worker does. */
  join(controllerUrl: string, instanceId?: string): void;
  /** Closes the connection of the heartbeats; generations run on. */
  leave(): Promise<void>;
  /** Resolves when that was told to the controller, or tried. */
  setPhase(phase: NodeReport['phase']): Promise<void>;
  /** Its caches hold these from now on; resolves when the controller was told. */
  hold(prefixes: readonly HeldPrefix[]): Promise<void>;
  /** Heartbeats go on, but connections are refused and open ones reset. */
  stopListening(): Promise<void>;
  /** Stops as the worker does: lets answers that are at their end go out, and cuts the others. */
  close(): Promise<void>;
  /** Dies: all connections are reset and new ones refused. */
  kill(): Promise<void>;
  /** The same, but what was sent before arrives, as when a process ends. */
  exit(): Promise<void>;
}

const silent = winston.createLogger({ silent: true });

export async function startFakeWorker(options: FakeWorkerOptions = {}): Promise<FakeWorker> {
  const { nodeId = 'worker_1', models = ['test-model'], slots = 4, kind = 'generation' } = options;
  const requests: GenerateRequest[] = [];
  const counts: CountRequest[] = [];
  const aborts: string[] = [];
  const refusals: GenerationFailure[] = [];
  const queued: Script[] = [];
  const calls: PlainCall[] = [];
  const queuedPlain: PlainScript[] = [];
  const busy = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const startedAt = performance.now();
  let phase: NodeReport['phase'] = 'ready';
  let link: ControllerLink | undefined;
  const connections = new Set<Socket>();
  let held: readonly HeldPrefix[] = [];

  async function generate(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const parsed = GenerateRequest.safeParse(await readJson(req));
    const refuseUnasked = (status: number, failure: GenerationFailure) => {
      refusals.push(failure);
      sendJson(res, status, failure);
    };
    if (!parsed.success) {
      const message = parsed.error.message;
      return refuseUnasked(400, { code: 'invalid_request', message, retryable: false });
    }
    const request = parsed.data;
    if (busy.size >= slots) {
      return refuseUnasked(409, { code: 'no_free_slot', message: 'All slots are busy.', retryable: true });
    }

    requests.push(request);
    busy.add(res);
    const abort = new AbortController();
    res.once('close', () => {
      busy.delete(res);
      if (res.writableFinished) return;
      aborts.push(request.requestId);
      abort.abort();
    });
    const script = queued.shift() ?? worker.script;
    await script(toCall(request, res, abort.signal, () => busy.delete(res)));
  }

  async function answerPlain(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = (await readJson(req)) as Record<string, unknown>;
    const path = req.url ?? '';
    const needsSlot = path === internalPaths.embed || path === internalPaths.rank;
    if (needsSlot && busy.size >= slots) {
      const failure = { code: 'no_free_slot', message: 'All slots are busy.', retryable: true } as const;
      refusals.push(failure);
      return sendJson(res, 409, failure);
    }
    if (needsSlot) busy.add(res);
    const abort = new AbortController();
    res.once('close', () => {
      busy.delete(res);
      if (!res.writableFinished) abort.abort();
    });
    const send = (status: number, answer: object) => {
      busy.delete(res);
      sendJson(res, status, answer);
    };
    const call: PlainCall = {
      path,
      body,
      signal: abort.signal,
      answer: (content) => send(200, content),
      refuse: send,
      signOfLife: () => res.writeProcessing(),
      reset: () => void res.socket?.resetAndDestroy(),
    };
    calls.push(call);
    const script = queuedPlain.shift() ?? options.plainScript;
    if (!script) return sendJson(res, 404, { error: 'no script' });
    await script(call);
  }

  async function count(req: IncomingMessage, res: ServerResponse): Promise<void> {
    counts.push(CountRequest.parse(await readJson(req)));
    sendJson(res, 200, { promptTokens: options.promptTokens ?? 7 } satisfies CountResponse);
  }

  function answerProbe(res: ServerResponse): void {
    if (worker.health === 'silent') return;
    if (worker.health === 'broken') return void res.destroy();
    sendJson(res, phase === 'ready' ? 200 : 503, { status: phase, slotsBusy: busy.size });
  }

  const server = createServer({ keepAliveTimeout: 90_000 }, (req, res) => {
    if (req.url === '/health') return answerProbe(res);
    if (req.headers.authorization !== clusterAuthorization.authorization) return sendJson(res, 401, {});
    connections.add(req.socket);
    const handlers: Record<string, typeof generate> = {
      [internalPaths.generate]: generate,
      [internalPaths.count]: count,
    };
    const work = (handlers[req.url ?? ''] ?? answerPlain)(req, res);
    work.catch(() => res.destroy());
  });
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');

  const worker: FakeWorker = {
    nodeId,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    counts,
    aborts,
    refusals,
    calls,
    answerNextCall: (...scripts) => void queuedPlain.push(...scripts),
    script: options.script ?? answer(['Hel', 'lo', ' wor', 'ld']),
    answerNext: (...scripts) => void queued.push(...scripts),
    slotsBusy: () => busy.size,
    health: 'ok',
    connections: () => connections.size,
    openConnections: () => sockets.size,
    join(controllerUrl, instanceId = randomUUID()) {
      link = startControllerLink({
        controllerUrl,
        clusterToken: testClusterToken,
        identity: {
          nodeId,
          instanceId,
          url: options.advertisedUrl ?? worker.url,
          pid: process.pid,
          version: '0.0.0',
        },
        report: () => ({
          phase,
          uptimeSeconds: (performance.now() - startedAt) / 1000,
          models: models.map((id) => ({
            id,
            kind,
            slotsTotal: slots,
            slotsBusy: busy.size,
            contextTokens: 4096,
            loadSeconds: 1.5,
            memoryBytes: 1_000_000,
            fingerprint: 'fp_fake',
          })),
        }),
        heldPrefixes: () => held,
        logger: silent,
      });
    },
    async leave() {
      const left = link;
      link = undefined;
      await left?.close();
    },
    async setPhase(next) {
      phase = next;
      await link?.announce();
    },
    async hold(prefixes) {
      held = prefixes;
      await link?.announce();
    },
    async stopListening() {
      const closed: Promise<unknown> = server.listening ? once(server, 'close') : Promise.resolve();
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
    },
    async close() {
      await closeServer(server);
      await worker.leave();
    },
    async exit() {
      server.close();
      for (const socket of sockets) socket.destroySoon();
      await worker.leave();
    },
    async kill() {
      await Promise.all([worker.stopListening(), worker.leave()]);
    },
  };
  return worker;
}

function toCall(
  request: GenerateRequest,
  res: ServerResponse,
  signal: AbortSignal,
  freeSlot: () => void,
): WorkerCall {
  async function write(line: string): Promise<void> {
    if (signal.aborted) return;
    if (!res.headersSent) res.writeHead(200, { 'content-type': ndjsonContentType });
    if (!res.write(`${line}\n`)) await drained(res);
  }
  return {
    request,
    signal,
    send: async (event) => {
      if (event.type === 'done') freeSlot();
      await write(JSON.stringify(event));
      if (event.type === 'done' || event.type === 'error') res.end();
    },
    sendLine: write,
    sendRaw: async (bytes, headers = { 'content-type': ndjsonContentType }) => {
      if (!res.headersSent) res.writeHead(200, headers);
      if (!res.write(bytes)) await drained(res);
    },
    sendHeaders: () => {
      res.writeHead(200, { 'content-type': ndjsonContentType });
      res.flushHeaders();
    },
    refuse: (status, failure) => {
      freeSlot();
      sendJson(res, status, failure);
    },
    reset: () => void res.socket?.resetAndDestroy(),
    breakOff: () => void res.socket?.destroySoon(),
    end: () => void res.end(),
  };
}

async function drained(res: EventEmitter & { readonly destroyed: boolean }): Promise<void> {
  if (res.destroyed) return;
  const settled = new AbortController();
  const event = (name: string) => once(res, name, { signal: settled.signal });
  await Promise.race([event('drain'), event('close')]).finally(() => settled.abort());
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(body));
}
