import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { OutputDelta } from '../../../src/protocol/generation.js';
import { eventually } from '../../support/eventually.js';
import type { FakeWorker, Script } from '../../support/fakeWorker.js';
import { openSse } from '../../support/sseStream.js';
import { startFakeWorker } from '../../support/fakeWorker.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

const text = ['one', ' two', '', ' three', ' four', ' five'];
const call = (index: number, delta: string, name?: string): OutputDelta => ({
  type: 'toolCall',
  index,
  delta,
  ...(name && { name }),
});
const calls = [
  { type: 'reasoning', delta: 'Hm.' } as const,
  call(0, '', 'weather'),
  call(0, '{"city":'),
  call(0, '"Oslo"}'),
  call(1, '', 'weather'),
  call(1, '{"city":"Rome"}'),
];

const messages = [{ role: 'user', content: 'Hi' }];
const tool = { name: 'weather', parameters: { type: 'object' } };
const endpoints = {
  'a chat': {
    path: '/v1/chat/completions',
    tokens: text,
    body: { messages, stream_options: { include_usage: true } },
  },
  'tool calls of a chat': {
    path: '/v1/chat/completions',
    tokens: calls,
    body: {
      messages,
      tools: [{ type: 'function', function: tool }],
      stream_options: { include_usage: true },
    },
  },
  'a completion with its prompt': { path: '/v1/completions', tokens: text, body: { prompt: 'Hi' } },
  'a response': { path: '/v1/responses', tokens: text, body: { input: 'Hi', store: false } },
  'tool calls of a response': {
    path: '/v1/responses',
    tokens: calls,
    body: { input: 'Hi', store: false, tools: [{ type: 'function', ...tool }] },
  },
  'a message': { path: '/v1/messages', tokens: text, body: { messages, max_tokens: 100 } },
  'tool calls of a message': {
    path: '/v1/messages',
    tokens: calls,
    body: { messages, max_tokens: 100, tools: [{ name: 'weather', input_schema: { type: 'object' } }] },
  },
};

/** Ids and times are other ones in each run, but the same ones again and again in one. */
function normalize(transcript: string): string {
  const names = new Map<string, string>();
  return transcript
    .replaceAll(
      /\b(chatcmpl-|cmpl-|call_|resp_|msg_|fc_|rs_|toolu_|req_)[0-9a-f]{20,}/g,
      (id, prefix: string) => {
        const name = names.get(id) ?? `${prefix}${names.size}`;
        names.set(id, name);
        return name;
      },
    )
    .replaceAll(/"(created|created_at|completed_at)":\d+(\.\d+)?/g, '"$1":0');
}

async function transcriptOf(cluster: TestCluster, path: string, body: object): Promise<string> {
  const stream = await openSse(cluster.url + path, { model: 'test-model', ...body, stream: true });
  const frames = await stream.rest();
  const said = frames.filter((frame) => !frame.startsWith(':'));
  return normalize([`status ${stream.status}`, ...said].join('\n'));
}

async function answerTo(cluster: TestCluster, path: string, body: object): Promise<string> {
  const { statusCode, body: json } = await request(cluster.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model', ...body }),
  });
  return normalize(`status ${statusCode}\n${await json.text()}`);
}

function startCluster(tokens: readonly (string | OutputDelta)[], workers = 2): Promise<TestCluster> {
  const script = answer(tokens, { finishReason: tokens === calls ? 'tool_calls' : 'stop' });
  return startTestCluster({ workers: Array.from({ length: workers }, () => ({ script })) });
}

/** The death of the worker that gets the request, at some point of it. */
const deaths: [string, (worker: FakeWorker, tokens: readonly (string | OutputDelta)[]) => Script][] = [
  ['when the request arrives', (worker) => () => worker.kill()],
  [
    'after the headers',
    (worker) => async (call) => {
      await call.sendRaw('');
      call.sendHeaders();
      await worker.kill();
    },
  ],
  ...[0, 1, 2, 3, 4, 5, 6].map(
    (afterTokens): [string, (worker: FakeWorker, tokens: readonly (string | OutputDelta)[]) => Script] => [
      `after ${afterTokens} tokens`,
      (worker, tokens) => answer(tokens, { fault: { afterTokens, run: () => worker.kill() } }),
    ],
  ),
];

describe.each(Object.entries(endpoints))('%s', (_name, { path, tokens, body }) => {
  it('is the same however its worker dies', async () => {
    const undisturbed = await startCluster(tokens);
    const stream = await transcriptOf(undisturbed, path, body);
    const json = await answerTo(undisturbed, path, withoutStreamOptions(body));
    expect(stream).toMatch(/^status 200\n/);

    for (const [point, dieAt] of deaths) {
      for (const isStream of [true, false]) {
        const cluster = await startCluster(tokens);
        const [first, second] = cluster.workers as [FakeWorker, FakeWorker];
        first.answerNext(dieAt(first, tokens));
        const disturbed = isStream
          ? await transcriptOf(cluster, path, body)
          : await answerTo(cluster, path, withoutStreamOptions(body));
        expect(disturbed, `${isStream ? 'stream' : 'JSON'}, death ${point}`).toBe(isStream ? stream : json);
        expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
        await cluster.close();
      }
    }
  });
});

function withoutStreamOptions(body: object): object {
  return { ...body, stream_options: undefined };
}

it('the choices of a chat stay apart: only those of the dead worker move', async () => {
  const body = { messages, n: 2 };
  const undisturbed = await startCluster(text);
  const expected = await answerTo(undisturbed, '/v1/chat/completions', body);
  for (const [point, dieAt] of deaths) {
    const cluster = await startCluster(text);
    const [first, second] = cluster.workers as [FakeWorker, FakeWorker];
    first.answerNext(dieAt(first, text));
    expect(await answerTo(cluster, '/v1/chat/completions', body), point).toBe(expected);
    expect([first.requests.length, second.requests.length]).toEqual([1, 2]);
    await cluster.close();
  }
});

it('a prompt that is echoed comes once', async () => {
  const prompt = ' Hi';
  const echoing: Script = async (call) => {
    await call.send({ type: 'accepted', promptTokens: 7, cachedTokens: 0 });
    await call.send({ type: 'echo', text: prompt });
  };
  const cluster = await startCluster(text);
  const [first, second] = cluster.workers as [FakeWorker, FakeWorker];
  first.answerNext(async (call) => (await echoing(call), first.kill()));
  second.answerNext(async (call) => {
    await echoing(call);
    await answer(text)({
      ...call,
      send: (event) => (event.type === 'accepted' ? Promise.resolve() : call.send(event)),
    });
  });

  const completion = await cluster.client.completions.create({ model: 'test-model', prompt, echo: true });

  expect(completion.choices[0]?.text).toBe(prompt + text.join(''));
});

it('a stream outlives any number of workers, as long as each brings a token', async () => {
  const long = Array.from({ length: 12 }, (_, index) => ` ${index}`);
  const cluster = await startTestCluster({
    workers: [1, 2, 3].map(() => ({
      script: (call) => {
        const afterTokens = call.request.resumeTokens.length + 1;
        if (afterTokens > long.length) return answer(long)(call);
        return answer(long, { fault: { afterTokens, run: () => call.breakOff() } })(call);
      },
    })),
  });

  const stream = await transcriptOf(cluster, '/v1/chat/completions', { messages });

  expect(stream).toContain('[DONE]');
  expect(stream.match(/"content":" \d+"/g)).toEqual(long.map((token) => `"content":"${token}"`));
  expect(await cluster.metrics()).toMatch(/ai_cluster_stream_resumes_total\{result="success"\} 12/);
});

it('a restart of the only worker costs a stream a pause, with signs of life, and no error', async () => {
  const gate = createTokenGate();
  const cluster = await startTestCluster({
    workers: [{ script: answer(text, { gate }) }],
    controller: { streamTimings: { keepaliveMs: 20 } },
  });
  const [first] = cluster.workers as [FakeWorker];
  const stream = await openSse(`${cluster.url}/v1/chat/completions`, {
    model: 'test-model',
    messages,
    stream: true,
  });
  gate.open(2);
  let seen = '';
  while (!seen.includes('" two"')) seen += await stream.next();

  await first.kill();
  await eventually(async () => expect((await cluster.status()).queue.waiting).toBe(1));
  let frame: string | undefined;
  do frame = await stream.next();
  while (frame !== undefined && !frame.startsWith(':'));
  expect(frame).toMatch(/^:/);
  const again = await startFakeWorker({ script: answer(text) });
  again.join(cluster.url);

  const rest = (await stream.rest()).filter((line) => !line.startsWith(':')).join('\n');
  expect(rest).toContain('" three"');
  expect(rest).not.toMatch(/"one"|" two"|"error"/);
  expect(rest.endsWith('data: [DONE]')).toBe(true);
  expect(again.requests[0]?.resumeTokens).toHaveLength(2);
  await again.kill();
});
