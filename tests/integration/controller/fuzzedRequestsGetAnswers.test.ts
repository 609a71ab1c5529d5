import { once } from 'node:events';
import { Agent, request as sendRequest, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { eventually } from '../../support/eventually.js';
import { fuzzedRequest, type FuzzedRequest } from '../../support/fuzzedRequests.js';
import { startLiveCluster, type LiveCluster } from '../../support/liveCluster.js';
import { playScenario } from '../../support/scenarios.js';

/** 10,000 for the closing run of a release: `FUZZ_REQUESTS=10000`. */
const requestCount = Number(process.env['FUZZ_REQUESTS'] ?? 1_000);
const seed = Number(process.env['SEED'] ?? 1);
const clients = 6;
/** Generous: the machine may be busy. What never answers is what this finds. */
const patienceMs = 30_000;

const ErrorBody = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string().min(1),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let cluster: LiveCluster;
beforeAll(async () => {
  cluster = await startLiveCluster({
    script: playScenario,
    scriptedSlots: 2 * clients,
    controller: { queueLimit: 500 },
  });
  // A line for each request would be what fills the memory.
  cluster.log.logger.level = 'warn';
}, 120_000);
afterAll(() => cluster?.close());

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

async function send(agent: Agent, { method, path, headers, body }: FuzzedRequest): Promise<Answer> {
  const { hostname, port } = new URL(cluster.url);
  const length = body ? { 'content-length': String(body.length) } : {};
  const sent = sendRequest({ agent, hostname, port, method, path, headers: { ...headers, ...length } });
  sent.setTimeout(patienceMs, () => sent.destroy(new Error('no answer')));
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', text };
}

/** What is wrong with an answer, in a word; undefined where nothing is. */
function faultOf({ method }: FuzzedRequest, { status, contentType, text }: Answer): string | undefined {
  if (status >= 500 && ![503, 504].includes(status)) return 'a failure of ours';
  if (contentType.includes('html') || /<html|<!doctype/i.test(text)) return 'HTML';
  if (contentType.startsWith('text/event-stream')) {
    const last = text.trimEnd().split('\n\n').at(-1) ?? '';
    return /^data: (\[DONE\]|\{"error":\{)/.test(last) ? undefined : 'a stream without an end';
  }
  if (status < 400) return undefined;
  if (!contentType.startsWith('application/json')) return 'an error that is no JSON';
  if (method === 'HEAD') return undefined;
  return ErrorBody.safeParse(JSON.parse(text)).success ? undefined : 'an error without its four keys';
}

/** Bytes in use, without what the fake worker notes for tests. */
async function measureHeap(): Promise<number> {
  await eventually(async () => {
    expect((await cluster.status()).nodes.map(({ slots }) => slots.busy)).toEqual([0, 0]);
  });
  for (const list of [cluster.scripted.requests, cluster.scripted.aborts, cluster.scripted.refusals])
    (list as unknown[]).length = 0;
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

async function run(requests: readonly FuzzedRequest[], counts: Map<number, number>): Promise<string[]> {
  const left = [...requests];
  const faults: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: clients });

  async function runClient(): Promise<void> {
    for (let next = left.pop(); next; next = left.pop()) {
      const answer = await send(agent, next).catch((error: unknown) => String(error));
      const fault = typeof answer === 'string' ? answer : faultOf(next, answer);
      if (typeof answer !== 'string') counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
      if (fault === undefined) continue;
      faults.push(`${fault}: ${show(next)} → ${JSON.stringify(answer).slice(0, 500)}`);
    }
  }

  await Promise.all(Array.from({ length: clients }, runClient));
  agent.destroy();
  return faults;
}

function show({ method, path, headers, body }: FuzzedRequest): string {
  return `${method} ${path.slice(0, 80)} ${JSON.stringify(headers).slice(0, 120)} ${body?.toString().slice(0, 800)}`;
}

it(`answers ${requestCount} fuzzed requests, and is as it was before`, async () => {
  const counts = new Map<number, number>();
  const heaps: number[] = [];
  const startedAt = performance.now();
  let validCount = 0;
  const rounds = 10;
  for (let round = 0; round < rounds; round++) {
    const numRuns = Math.ceil(requestCount / rounds);
    const requests = fc.sample(fuzzedRequest, { numRuns, seed: seed + round });
    validCount += requests.filter(({ isValid }) => isValid).length;
    expect(await run(requests, counts), cluster.log.text()).toEqual([]);
    if (round === rounds / 2 - 1 || round === rounds - 1) heaps.push(await measureHeap());
  }

  const [middle = 0, end = 0] = heaps;
  const summary = `statuses ${JSON.stringify([...counts].sort())}, ${validCount} valid, heap ${heaps.map((bytes) => (bytes / 1e6).toFixed(1)).join(' → ')} MB, ${Math.round(performance.now() - startedAt)} ms`;
  process.stdout.write(`${summary}\n`);
  expect(counts.get(200), summary).toBeGreaterThan(requestCount * 0.15);
  expect(counts.get(400), summary).toBeGreaterThan(requestCount * 0.2);
  expect(end - middle, summary).toBeLessThan(Math.max(3_000_000, middle * 0.05));
  expect((await fetch(`${cluster.url}/health`)).status).toBe(200);
  expect((await cluster.status()).queue.waiting).toBe(0);
}, 1_800_000);
