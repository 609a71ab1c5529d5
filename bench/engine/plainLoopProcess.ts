import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { getLlama, type LlamaContextSequence, type Token } from 'node-llama-cpp';

/**
 * The loop of node-llama-cpp's guide ("Low Level API", simple evaluation), one for each request, all at once on the
 * sequences of one context; the library makes the batches. As in the guide a request begins with an empty sequence; it
 * gets the first one that is free, because neighbours are what llama.cpp batches best. NDJSON, one token a line.
 *
 * Arguments: model, port, threads, sequences, context of each.
 */

const [modelPath = '', port, threads, sequences, contextTokens] = process.argv.slice(2);
const llama = await getLlama({
  gpu: false,
  build: 'never',
  progressLogs: false,
  maxThreads: Number(threads),
});
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({
  sequences: Number(sequences),
  contextSize: Number(contextTokens),
  threads: Number(threads),
});

interface Slot {
  readonly index: number;
  readonly sequence: LlamaContextSequence;
}

interface Body {
  readonly prompt: Token[];
  readonly tokens: number;
}

const free: Slot[] = Array.from({ length: Number(sequences) }, (_, index) => {
  return { index, sequence: context.getSequence() };
});
const waiting: ((slot: Slot) => void)[] = [];

function acquire(): Promise<Slot> {
  free.sort((a, b) => a.index - b.index);
  const slot = free.shift();
  return slot ? Promise.resolve(slot) : new Promise((resolve) => waiting.push(resolve));
}

async function release(slot: Slot): Promise<void> {
  await slot.sequence.clearHistory();
  const next = waiting.shift();
  if (next) next(slot);
  else free.push(slot);
}

async function readBody(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString()) as Body;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, tokens } = await readBody(request);
  const slot = await acquire();
  try {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    let generated = 0;
    for await (const token of slot.sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
      response.write(`${JSON.stringify({ token, text: model.detokenize([token]) })}\n`);
      if (++generated >= tokens || response.destroyed) break;
    }
    response.end();
  } finally {
    await release(slot);
  }
}

createServer((request, response) => {
  if (request.url === '/health') return void response.end('ok');
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
}).listen(Number(port), '127.0.0.1');
