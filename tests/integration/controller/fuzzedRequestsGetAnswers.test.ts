import { Agent } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { faultOf } from '../../support/fuzz/faultOf.js';
import type { FuzzedRequest } from '../../support/fuzz/fuzzedRequest.js';
import { fuzzedRequest } from '../../support/fuzz/fuzzedRequests.js';
import { createKnownIds, sendFuzzed, type KnownIds } from '../../support/fuzz/sendFuzzed.js';
import { scriptedModel, startLiveCluster, type LiveCluster } from '../../support/liveCluster.js';
import { playScenario } from '../../support/scenarios.js';

/** 10,000 for the closing run of a release: `FUZZ_REQUESTS=10000`. */
const requestCount = Number(process.env['FUZZ_REQUESTS'] ?? 500);
const seed = Number(process.env['SEED'] ?? 1);
const clients = 6;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let cluster: LiveCluster;
let ids: KnownIds;
beforeAll(async () => {
  cluster = await startLiveCluster({
    script: playScenario,
    scriptedSlots: 2 * clients,
    controller: { queueLimit: 500 },
  });
  // A line for each request would be what fills the memory.
  cluster.log.logger.level = 'warn';
  ids = createKnownIds(await uploadInput());
}, 120_000);
afterAll(() => cluster?.close());

/** A file that batches of chat completions can run. */
async function uploadInput(): Promise<string> {
  const body = { model: scriptedModel, messages: [{ role: 'user', content: 'Hi' }] };
  const line = { custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body };
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob([JSON.stringify(line)]), 'in.jsonl');
  const answer = await fetch(`${cluster.url}/v1/files`, { method: 'POST', body: form });
  return ((await answer.json()) as { id: string }).id;
}

/** Bytes in use when nothing runs any more, without what the fake worker notes for tests. */
async function measureHeap(): Promise<number> {
  await eventually(
    async () => {
      const { data } = (await (await fetch(`${cluster.url}/v1/batches?limit=100`)).json()) as {
        data: { status: string }[];
      };
      expect(
        data.filter(({ status }) => /^(validating|in_progress|finalizing|cancelling)$/.test(status)),
      ).toEqual([]);
      expect((await cluster.status()).nodes.map(({ slots }) => slots.busy)).toEqual([0, 0]);
    },
    { timeout: 30_000 },
  );
  const { requests, aborts, refusals, calls, counts } = cluster.scripted;
  for (const list of [requests, aborts, refusals, calls, counts]) (list as unknown[]).length = 0;
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

async function run(requests: readonly FuzzedRequest[], statuses: Map<number, number>): Promise<string[]> {
  const left = [...requests];
  const faults: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: clients });

  async function runClient(): Promise<void> {
    for (let next = left.pop(); next; next = left.pop()) {
      const asked = ids.fillIn(next);
      const answer = await sendFuzzed(cluster.url, agent, asked).catch((error: unknown) => String(error));
      const fault = typeof answer === 'string' ? answer : faultOf(asked, answer);
      if (typeof answer !== 'string') {
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        ids.learn(answer);
      }
      if (fault === undefined) continue;
      faults.push(`${fault}: ${show(asked)} → ${JSON.stringify(answer).slice(0, 500)}`);
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
  const statuses = new Map<number, number>();
  const heaps = [await measureHeap()];
  const startedAt = performance.now();
  let validCount = 0;
  const rounds = 10;
  for (let round = 0; round < rounds; round++) {
    const numRuns = Math.ceil(requestCount / rounds);
    const requests = fc.sample(fuzzedRequest, { numRuns, seed: seed + round });
    validCount += requests.filter(({ isValid }) => isValid).length;
    expect(await run(requests, statuses), cluster.log.text()).toEqual([]);
    if (round === rounds / 2 - 1 || round === rounds - 1) heaps.push(await measureHeap());
  }

  // Between the first two, what is compiled and cached once grows.
  const [, middle = 0, end = 0] = heaps;
  const summary = `statuses ${JSON.stringify([...statuses].sort())}, ${validCount} valid, heap ${heaps.map((bytes) => (bytes / 1e6).toFixed(1)).join(' → ')} MB, ${Math.round(performance.now() - startedAt)} ms`;
  process.stdout.write(`${summary}\n`);
  expect(statuses.get(200), summary).toBeGreaterThan(requestCount * 0.15);
  expect(statuses.get(400), summary).toBeGreaterThan(requestCount * 0.2);
  expect(end - middle, summary).toBeLessThan(Math.max(3_000_000, middle * 0.05));
  expect((await fetch(`${cluster.url}/health`)).status).toBe(200);
  expect((await cluster.status()).queue.waiting).toBe(0);
}, 3_600_000);
