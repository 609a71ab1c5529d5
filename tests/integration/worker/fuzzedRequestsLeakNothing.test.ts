import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { Client, type Dispatcher } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import winston from 'winston';
import { writeTinyModel } from '../../../src/models/tinyModel.js';
import { statusOfFailure } from '../../../src/protocol/generation.js';
import type { GenerateRequest } from '../../../src/protocol/generateRequest.js';
import { internalPaths } from '../../../src/protocol/workerApi.js';
import { startWorker, type RunningWorker } from '../../../src/worker/startWorker.js';
import { eventually } from '../../support/eventually.js';
import { greedy, toRequest, toTextRequest } from '../../support/generate.js';
import { jsonSchemas } from '../../support/jsonSchemas.js';
import { clusterAuthorization, testClusterToken } from '../../support/clusterToken.js';

/** 10,000 for the closing run of a release: `FUZZ_REQUESTS=10000`. */
const requestCount = Number(process.env['FUZZ_REQUESTS'] ?? 1_000);
const clients = 6;

const text = fc.oneof(
  fc.string({ maxLength: 60, unit: 'binary' }),
  fc.constant('<|im_end|>'),
  fc.constant('a b c '),
  // Long enough for the disk, and with beginnings that others have, too.
  fc
    .tuple(fc.constantFrom('x', 'y', 'z'), fc.integer({ min: 50, max: 400 }))
    .map(([letter, length]) => letter.repeat(length)),
);
const schemas = jsonSchemas.map(({ schema }) => schema);

const sampling = fc.record({
  temperature: fc.double({ min: 0, max: 2, noNaN: true }),
  topP: fc.double({ min: 0, max: 1, noNaN: true }),
  topK: fc.nat(50),
  minP: fc.double({ min: 0, max: 1, noNaN: true }),
  seed: fc.nat(),
  presencePenalty: fc.double({ min: -2, max: 2, noNaN: true }),
  frequencyPenalty: fc.double({ min: -2, max: 2, noNaN: true }),
  repeatPenalty: fc.double({ min: 0.5, max: 3, noNaN: true }),
  logitBias: fc.array(
    fc.record({ token: fc.nat(900), bias: fc.double({ min: -100, max: 100, noNaN: true }) }),
    { maxLength: 4 },
  ),
});
const common = fc.record({
  sampling: fc.oneof(fc.constant(greedy), sampling),
  maxTokens: fc.integer({ min: 1, max: 24 }),
  stop: fc.array(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 4 }),
  ignoreEos: fc.boolean(),
  topLogprobs: fc.option(fc.nat(20)),
  deadlineMs: fc.option(fc.integer({ min: 1, max: 500 })),
});
const constraint = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ type: 'text' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'json_object' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('json_schema' as const),
      schema: fc.constantFrom(...schemas),
      strict: fc.boolean(),
    }),
  },
);
const tool = fc.record({
  name: fc.stringMatching(/^[a-z_]{1,12}$/),
  description: text,
  parameters: fc.constantFrom(...schemas),
  strict: fc.boolean(),
});

const chat = fc
  .record({
    contents: fc.array(text, { minLength: 1, maxLength: 5 }),
    fields: common,
    constraint,
    tools: fc.array(tool, { maxLength: 3 }),
    toolChoice: fc.constantFrom('none' as const, 'auto' as const, 'required' as const),
    parallelToolCalls: fc.boolean(),
  })
  .map(({ contents, fields, ...rest }): GenerateRequest => ({
    ...toRequest(''),
    ...fields,
    ...rest,
    messages: contents.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content })),
  }));
const completion = fc
  .record({
    prompt: fc.oneof(text, fc.array(fc.nat(1_000), { maxLength: 30 })),
    echo: fc.boolean(),
    fields: common,
    constraint,
  })
  .map(({ prompt, echo, fields, constraint: wanted }): GenerateRequest => ({
    ...toTextRequest(prompt, { echo }),
    ...fields,
    constraint: wanted,
  }));

/** A valid request of which something was put in the place of something else. */
const broken = fc
  .tuple(
    fc.oneof(chat, completion),
    fc.nat(),
    fc.oneof(fc.json(), fc.string(), fc.double(), fc.constant(undefined)),
  )
  .map(([request, place, value]) => {
    const copy = JSON.parse(JSON.stringify(request)) as Record<string, unknown>;
    const owners = [copy, copy['sampling'] as Record<string, unknown>];
    const owner = owners[place % 2] ?? copy;
    const keys = Object.keys(owner);
    owner[keys[place % keys.length] ?? 'kind'] = value;
    return copy;
  });

type Call = { body: string; contentType: string; leavesAfterBytes: number | undefined };
const call: fc.Arbitrary<Call> = fc.record({
  body: fc.oneof(
    { weight: 5, arbitrary: fc.oneof(chat, completion).map((request) => JSON.stringify(request)) },
    { weight: 3, arbitrary: broken.map((request) => JSON.stringify(request)) },
    { weight: 1, arbitrary: fc.oneof(fc.json(), fc.string()) },
  ),
  contentType: fc.oneof(
    { weight: 20, arbitrary: fc.constant('application/json') },
    { weight: 1, arbitrary: fc.constantFrom('text/plain', 'application/json; charset=utf-7') },
  ),
  leavesAfterBytes: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.nat(400) },
  ),
});

let folder: string;
let worker: RunningWorker;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-fuzz-'));
  const modelPath = path.join(folder, 'tiny.gguf');
  await writeTinyModel(modelPath);
  worker = await startWorker({
    nodeId: 'worker_1',
    host: '127.0.0.1',
    port: 0,
    controllerUrl: undefined,
    advertiseUrl: undefined,
    clusterToken: testClusterToken,
    models: [{ id: 'tiny', path: modelPath }],
    slots: 2 * clients,
    contextTokens: 512,
    threads: 1,
    gpu: 'off',
    gpuLayers: undefined,
    prefixCache: { parentFolder: path.join(folder, 'prefixes'), maxBytes: 2_000_000 },
    drainTimeoutMs: 1_000,
    version: 'test',
    logger: winston.createLogger({ silent: true }),
  });
});
afterAll(async () => {
  await worker.close();
  await rm(folder, { recursive: true });
});

it(`survives ${requestCount} fuzzed requests with every slot free again`, async () => {
  const calls = fc.sample(call, { numRuns: requestCount, seed: Number(process.env['SEED'] ?? 1) });
  const statuses = new Map<number, number>();
  let left = 0;

  async function runClient(): Promise<void> {
    const client = new Client(worker.url, { headersTimeout: 20_000, bodyTimeout: 20_000 });
    for (let next = calls.pop(); next; next = calls.pop()) {
      const response = await sendUntilFree(client, next);
      statuses.set(response.statusCode, (statuses.get(response.statusCode) ?? 0) + 1);
      if (!(await read(response, next))) left++;
    }
    await client.close();
  }

  await Promise.all(Array.from({ length: clients }, runClient));
  const health = async () =>
    (await fetch(`${worker.url}/health`, { headers: clusterAuthorization })).json() as Promise<{
      models: { slotsBusy: number }[];
    }>;
  await eventually(async () => expect((await health()).models[0]?.slotsBusy).toBe(0));

  const summary = `statuses ${JSON.stringify([...statuses])}, ${left} clients left early`;
  expect(statuses.get(200) ?? 0, summary).toBeGreaterThanOrEqual(requestCount * 0.3);
  expect(left, summary).toBeGreaterThan(requestCount * 0.02);
  expect(
    [...statuses.keys()].filter((status) => ![200, 400, 404, 415].includes(status)),
    summary,
  ).toEqual([]);
}, 900_000);

/** A client that is faster than the step in which its last slot is given back is told so. */
async function sendUntilFree(client: Client, next: Call): Promise<Dispatcher.ResponseData> {
  for (;;) {
    const response = await send(client, next);
    if (response.statusCode !== statusOfFailure.no_free_slot) return response;
    await response.body.dump();
  }
}

function send(client: Client, { body, contentType }: Call): Promise<Dispatcher.ResponseData> {
  return client.request({
    method: 'POST',
    path: internalPaths.generate,
    headers: { 'content-type': contentType, ...clusterAuthorization },
    body,
  });
}

/**
 * Reads to the end, or leaves on the way; a whole stream ends with `done` or with an error of its request, never of the
 * engine.
 */
async function read(response: Dispatcher.ResponseData, { body, leavesAfterBytes }: Call): Promise<boolean> {
  let received = '';
  for await (const chunk of response.body) {
    received += String(chunk);
    if (leavesAfterBytes !== undefined && received.length > leavesAfterBytes) {
      response.body.destroy();
      return false;
    }
  }
  if (response.statusCode === 200) {
    const last = JSON.parse(received.trimEnd().split('\n').at(-1) ?? '') as { type: string; code?: string };
    expect(['done', 'error']).toContain(last.type);
    expect(last.code, `${received}${body}`).not.toBe('engine_failed');
  }
  return true;
}
