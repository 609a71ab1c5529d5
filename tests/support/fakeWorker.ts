import { randomUUID } from 'node:crypto';
import { once, type EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import winston from 'winston';
import { GenerateRequest } from '../../src/protocol/generateRequest.js';
import { type GenerationEvent, type GenerationFailure } from '../../src/protocol/generation.js';
import { ndjsonContentType } from '../../src/protocol/headers.js';
import { internalPaths, type NodeReport } from '../../src/protocol/workerApi.js';
import { startControllerLink, type ControllerLink } from '../../src/worker/joinController.js';
import { answer } from './workerScripts.js';

/** One generate request, as the script that answers it sees it. */
export interface WorkerCall {
  readonly request: GenerateRequest;
  /** Aborted when the controller closed the connection before the stream was over. */
  readonly signal: AbortSignal;
  /** Sends an event; waits while the controller does not read. `done` frees the slot first, as the worker does. */
  send(event: GenerationEvent): Promise<void>;
  /** Sends a line that is no event. */
  sendLine(line: string): Promise<void>;
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

export interface FakeWorkerOptions {
  readonly nodeId?: string;
  readonly models?: readonly string[];
  readonly slots?: number;
  /** Answers the requests that no script of {@link FakeWorker.answerNext} takes. */
  readonly script?: Script;
  readonly port?: number;
}

/** A worker without a model: the real protocol over real sockets, with answers from scripts. */
export interface FakeWorker {
  readonly nodeId: string;
  readonly url: string;
  /** Accepted requests, in the order of arrival; a refused one is in {@link refusals}. */
  readonly requests: readonly GenerateRequest[];
  /** Request ids whose connection the controller closed before the stream was over. */
  readonly aborts: readonly string[];
  /** What was answered 400 or 409 without a script: a full worker, a broken request. */
  readonly refusals: readonly GenerationFailure[];
  script: Script;
  /** The next requests get these scripts, one each. */
  answerNext(...scripts: readonly Script[]): void;
  slotsBusy(): number;
  /** Connections that were opened to it so far. */
  connections(): number;
  /** Joins and sends heartbeats, as the worker does. */
  join(controllerUrl: string, instanceId?: string): void;
  /** Closes the connection of the heartbeats; generations run on. */
  leave(): Promise<void>;
  setPhase(phase: NodeReport['phase']): void;
  /** Heartbeats go on, but connections are refused and open ones reset. */
  stopListening(): Promise<void>;
  /** Dies: all connections are reset and new ones refused. */
  kill(): Promise<void>;
}

const silent = winston.createLogger({ silent: true });

export async function startFakeWorker(options: FakeWorkerOptions = {}): Promise<FakeWorker> {
  const { nodeId = 'worker_1', models = ['test-model'], slots = 4 } = options;
  const requests: GenerateRequest[] = [];
  const aborts: string[] = [];
  const refusals: GenerationFailure[] = [];
  const queued: Script[] = [];
  const busy = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const startedAt = performance.now();
  let phase: NodeReport['phase'] = 'ready';
  let link: ControllerLink | undefined;
  let connections = 0;

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

  const server = createServer({ keepAliveTimeout: 90_000 }, (req, res) => {
    if (req.url !== internalPaths.generate) return sendJson(res, 404, { error: 'not found' });
    generate(req, res).catch(() => res.destroy());
  });
  server.on('connection', (socket: Socket) => {
    connections++;
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
    aborts,
    refusals,
    script: options.script ?? answer(['Hel', 'lo', ' wor', 'ld']),
    answerNext: (...scripts) => void queued.push(...scripts),
    slotsBusy: () => busy.size,
    connections: () => connections,
    join(controllerUrl, instanceId = randomUUID()) {
      link = startControllerLink({
        controllerUrl,
        identity: { nodeId, instanceId, url: worker.url, pid: process.pid, version: '0.0.0' },
        report: () => ({
          phase,
          uptimeSeconds: (performance.now() - startedAt) / 1000,
          models: models.map((id) => ({
            id,
            kind: 'generation' as const,
            slotsTotal: slots,
            slotsBusy: busy.size,
            contextTokens: 4096,
            loadSeconds: 1.5,
            memoryBytes: 1_000_000,
            fingerprint: 'fp_fake',
          })),
        }),
        logger: silent,
      });
    },
    async leave() {
      const left = link;
      link = undefined;
      await left?.close();
    },
    setPhase(next) {
      phase = next;
      void link?.announce();
    },
    async stopListening() {
      const closed: Promise<unknown> = server.listening ? once(server, 'close') : Promise.resolve();
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
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
