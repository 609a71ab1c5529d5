import { request } from 'undici';
import { expect, it } from 'vitest';
import { chunksOf, contentOf, dataOf, openSse } from '../../support/sseStream.js';
import { startTestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

const chat = '/v1/chat/completions';
const body = { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] };
const streamTimings = { patienceMs: 20, keepaliveMs: 20 };

it('with comments once they have waited for long, then with the answer', async () => {
  const gate = createTokenGate();
  const { url } = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate }) }],
    controller: { streamTimings },
  });
  const first = await openSse(`${url}${chat}`, { ...body, stream: true });
  const second = await openSse(`${url}${chat}`, { ...body, stream: true });

  expect(second.status).toBe(200);
  expect(await second.next()).toMatch(/^: queue position=1 predicted_start_ms=\d+$/);
  expect(await second.next()).toMatch(/^: queue position=1 predicted_start_ms=\d+$/);
  gate.open();
  const frames = await second.rest();
  expect(contentOf(frames)).toBe('a');
  expect(chunksOf(frames).at(-1)?.choices[0]?.finish_reason).toBe('stop');
  await first.rest();
});

it('and an error frame where no slot becomes free in time, which is a status without a stream', async () => {
  const gate = createTokenGate();
  const { url } = await startTestCluster({
    workers: [{ slots: 1, script: answer(['a'], { gate }) }],
    controller: { streamTimings, queueTimeoutMs: 200 },
  });
  const first = await openSse(`${url}${chat}`, { ...body, stream: true });
  const whole = request(`${url}${chat}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const second = await openSse(`${url}${chat}`, { ...body, stream: true });

  const frames = await second.rest();
  expect(frames[0]).toMatch(/^: queue position=\d predicted_start_ms=\d+$/);
  expect(dataOf(frames.at(-1))).toMatchObject({ error: { code: 'timeout' } });
  const { statusCode, headers } = await whole;
  expect(statusCode).toBe(504);
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  gate.open();
  await first.rest();
});
