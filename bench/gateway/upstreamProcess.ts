import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import winston from 'winston';
import { ndjsonContentType, sseHeaders } from '../../src/protocol/headers.js';
import type { GenerationEvent } from '../../src/protocol/generation.js';
import { formatSseFrame, sseDone } from '../../src/protocol/sse.js';
import { internalPaths } from '../../src/protocol/workerApi.js';
import { startControllerLink } from '../../src/worker/joinController.js';
import { benchModel, PacedAnswer, upstreamSlots } from './paced.js';
import { testClusterToken } from '../../tests/support/clusterToken.js';

/**
 * The upstream of all gateways, in a process of its own: answers at a given pace and without a model, in OpenAI's form
 * for those that relay it and in the worker's protocol for the controller. It does as little as it can beside that.
 *
 * Arguments: its port. `POST /join` with a URL as the body makes it join that controller.
 */
const port = Number(process.argv[2]);
const url = `http://127.0.0.1:${port}`;

/** How an answer looks in a protocol. */
interface Dialect {
  readonly headers: Readonly<Record<string, string>>;
  readonly begin: string;
  token(index: number): string;
  end(tokens: number): string;
}

const chunk = (delta: object, finishReason: string | null = null) =>
  formatSseFrame({
    data: {
      id: 'chatcmpl-bench',
      object: 'chat.completion.chunk',
      created: 1,
      model: benchModel,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    },
  });
const openAi: Dialect = {
  headers: sseHeaders,
  begin: chunk({ role: 'assistant', content: '' }),
  token: (index) => chunk({ content: ` word${index}` }),
  end: () => chunk({}, 'stop') + formatSseFrame(sseDone),
};

const line = (event: GenerationEvent) => `${JSON.stringify(event)}\n`;
const internal: Dialect = {
  headers: { 'content-type': ndjsonContentType },
  begin: line({ type: 'accepted', promptTokens: 7, cachedTokens: 0 }),
  token: (index) =>
    line({
      type: 'output',
      choice: 0,
      tokenIds: [index],
      deltas: [{ type: 'text', delta: ` word${index}` }],
    }),
  end: (tokens) =>
    line({
      type: 'done',
      deltas: [],
      finishReason: 'stop',
      usage: { promptTokens: 7, completionTokens: tokens, reasoningTokens: 0, cachedTokens: 0 },
      timings: { prefillMs: 1, decodeMs: 1 },
    }),
};

function stream(res: ServerResponse, { headers, begin, token, end }: Dialect, answer: PacedAnswer): void {
  res.writeHead(200, headers);
  const startedAt = performance.now();
  let index = 0;
  const sendDue = () => {
    if (res.destroyed) return;
    let text = '';
    while (index < answer.tokens && startedAt + index * answer.paceMs <= performance.now()) {
      text += token(index++);
    }
    res.write(index === 1 ? begin + text : text);
    if (index === answer.tokens) return void res.end(end(answer.tokens));
    setTimeout(sendDue, startedAt + index * answer.paceMs - performance.now());
  };
  // Without a pace everything is due at once.
  if (answer.paceMs > 0) return sendDue();
  res.end(
    begin + Array.from({ length: answer.tokens }, (_, place) => token(place)).join('') + end(answer.tokens),
  );
}

function completeAtOnce(res: ServerResponse, { tokens }: PacedAnswer): void {
  const content = Array.from({ length: tokens }, (_, index) => ` word${index}`).join('');
  const body = JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1,
    model: benchModel,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 7, completion_tokens: tokens, total_tokens: 7 + tokens },
  });
  res
    .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body);
}

async function readText(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of req.setEncoding('utf8') as AsyncIterable<string>) text += part;
  return text;
}

function join(controllerUrl: string): void {
  const model = {
    id: benchModel,
    kind: 'generation' as const,
    slotsTotal: upstreamSlots,
    slotsBusy: 0,
    contextTokens: 1_000_000,
    loadSeconds: 1,
    memoryBytes: 1,
    fingerprint: 'fp_bench',
  };
  startControllerLink({
    controllerUrl,
    clusterToken: testClusterToken,
    identity: {
      nodeId: 'worker_1',
      instanceId: `bench-${process.pid}`,
      url,
      pid: process.pid,
      version: 'bench',
    },
    report: () => ({ phase: 'ready', uptimeSeconds: process.uptime(), models: [model] }),
    logger: winston.createLogger({ silent: true }),
  });
}

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.method === 'GET') return void res.end('{"status":"ok"}');
  const text = await readText(req);
  if (req.url === '/join') {
    join(text);
    return void res.end();
  }
  const body = JSON.parse(text) as { stream?: boolean; messages: [{ content: unknown }] };
  const [{ content }] = body.messages;
  // LiteLLM and others may send the text as a list of parts.
  const asked = Array.isArray(content) ? (content[0] as { text: string }).text : String(content);
  const paced = PacedAnswer.parse(JSON.parse(asked));
  if (req.url === internalPaths.generate) return stream(res, internal, paced);
  if (body.stream === true) return stream(res, openAi, paced);
  completeAtOnce(res, paced);
}

createServer({ keepAliveTimeout: 75_000 }, (req, res) => {
  res.socket?.setNoDelay(true);
  answer(req, res).catch((error: unknown) => {
    console.error(error);
    res.destroy();
  });
}).listen(port, '127.0.0.1', 8192);
