import type { RequestHandler } from 'express';
import supertest from 'supertest';
import { Client } from 'undici';
import { expect, it } from 'vitest';
import { createApp } from '../../../src/controller/app.js';
import { createControllerEvents } from '../../../src/observability/events.js';
import { createTestMetrics } from '../../support/testMetrics.js';
import { eventually } from '../../support/eventually.js';
import { captureLog, startTestCluster } from '../../support/testCluster.js';
import type { Script } from '../../support/fakeWorker.js';
import { answer, refuse, resetAtOnce, sendGarbage } from '../../support/workerScripts.js';

const canary = 'c4n4ry-7f3a9b';
const good = { model: 'test-model', messages: [{ role: 'user', content: `my secret is ${canary}` }] };

it('whatever a request holds and however it ends', async () => {
  const cluster = await startTestCluster({
    workers: [{ script: answer([canary, ` ${canary}`]) }, { script: answer([canary, ` ${canary}`]) }],
  });
  const connection = new Client(cluster.url);
  const send = async (body: unknown, options: { path?: string; headers?: Record<string, string> } = {}) => {
    const response = await connection.request({
      method: 'POST',
      path: options.path ?? '/v1/chat/completions',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${canary}`,
        'x-api-key': canary,
        cookie: `session=${canary}`,
        'user-agent': canary,
        'x-forwarded-for': canary,
        'openai-organization': canary,
        ...options.headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    await response.body.dump();
    return response.statusCode;
  };
  const sendTo = async (script: Script, fields: object = {}) => {
    for (const worker of cluster.workers) worker.script = script;
    return send({ ...good, ...fields });
  };

  expect(await send(good)).toBe(200);
  expect(await send({ ...good, stream: true, user: canary, stop: canary, metadata: { canary } })).toBe(200);
  // Errors of parsing quote their input.
  for (const body of [`{"model": ${canary}`, canary, `"${canary}"`, `[${canary}`, `{"${canary}": tru}`]) {
    expect(await send(body)).toBe(400);
  }
  expect(await send({ ...good, model: canary })).toBe(404);
  expect(await send({ ...good, messages: canary })).toBe(400);
  expect(await send({ ...good, messages: [{ role: canary, content: canary }] })).toBe(400);
  expect(await send({ ...good, tools: [{ name: canary }] })).toBe(400);
  expect(await send({ ...good, temperature: canary })).toBe(400);
  expect(await send(good, { headers: { 'content-type': `text/${canary}` } })).toBe(415);
  expect(await send(good, { headers: { 'content-type': `application/json; charset=${canary}` } })).toBe(415);
  expect(await send(good, { headers: { 'content-encoding': canary } })).toBe(415);
  expect(await send(good, { path: `/v1/${canary}` })).toBe(404);
  expect(await send(good, { path: `/v1/chat/completions/${canary}` })).toBe(404);
  expect(await send(good, { path: `/v1/chat/completions?key=${canary}` })).toBe(200);
  expect(await send(good, { path: `/v1/models/${canary}` })).toBe(405);
  // Failures of workers, and what they say of a prompt.
  expect(await sendTo(refuse('invalid_prompt', { retryable: false }))).toBe(400);
  const badPrompt = { code: 'invalid_prompt', message: `bad: ${canary}`, retryable: false } as const;
  expect(await sendTo((call) => call.refuse(400, badPrompt))).toBe(400);
  for (const line of [
    canary,
    `{"type":"text","delta":"${canary}","tokenIds":"${canary}"`,
    `{"type":"text","choice":0,"delta":"${canary}","tokenIds":["${canary}"]}`,
    `{"type":"${canary}","code":"${canary}"}`,
  ]) {
    expect(await sendTo(sendGarbage(line))).toBe(502);
    expect(await sendTo(sendGarbage(line), { stream: true })).toBe(502);
  }
  expect(await sendTo(resetAtOnce)).toBe(502);
  await connection.close();

  await eventually(() =>
    expect(cluster.log.entries().filter(({ message }) => message === 'request').length).toBe(30),
  );
  expect(cluster.log.text()).not.toContain(canary);
  expect(cluster.log.text()).not.toContain('7f3a9b');
  expect(await cluster.metrics()).not.toContain(canary);
  expect(JSON.stringify(await cluster.status())).not.toContain(canary);
});

it('a handler that throws, with whatever it throws', async () => {
  const log = captureLog();
  const metrics = createTestMetrics();
  const thrown = [
    () => JSON.parse(canary) as unknown,
    () => new URL(canary),
    () => {
      throw new Error(`the prompt is ${canary}`, { cause: new Error(canary) });
    },
    () => Promise.reject(new TypeError(canary)),
    // What no code of ours does, and a package may.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    () => Promise.reject(canary),
  ];
  const letIn: RequestHandler = (_req, _res, next) => next();
  const app = createApp({
    requestTimeoutMs: 60_000,
    hosts: [],
    allowedOrigins: [],
    events: createControllerEvents({ logger: log.logger, metrics }),
    guards: { key: letIn, admin: letIn, operator: letIn, cluster: letIn },
    routes: thrown.map((run, index) => ({
      path: `/throws/${index}`,
      methods: { GET: [async () => void (await run())] },
    })),
  });
  for (const index of thrown.keys()) {
    const { status, text } = await supertest(app).get(`/throws/${index}`);
    expect(status).toBe(500);
    expect(text).not.toContain(canary);
  }
  await eventually(() => expect(log.entries()).toHaveLength(thrown.length));
  expect(log.text()).not.toContain(canary);
  // It can still be found.
  expect(log.entries()[0]?.error).toMatch(
    /^internal_error: SyntaxError\n\s+at JSON\.parse .*\n.*promptsStayOutOfLogs/,
  );
});

it('but the id that a client gave its request, cut to a length, is there to be found', async () => {
  const cluster = await startTestCluster();
  const id = 'client-id-'.padEnd(500, 'x');
  await cluster.client.chat.completions.create(
    { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] },
    { headers: { 'x-client-request-id': id } },
  );
  await eventually(() =>
    expect(cluster.log.entries()).toContainEqual(
      expect.objectContaining({
        level: 'info',
        message: 'request',
        requestId: expect.stringMatching(/^req_[0-9a-f]{32}$/) as string,
        clientRequestId: id.slice(0, 128),
        method: 'POST',
        path: '/v1/chat/completions',
        status: 200,
        keyId: 'anonymous',
        model: 'test-model',
        nodeId: 'worker_1',
        outcome: 'success',
        promptTokens: 7,
        completionTokens: 4,
        finishReason: 'stop',
      }),
    ),
  );
});
