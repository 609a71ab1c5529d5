import { request } from 'undici';
import { expect, it } from 'vitest';
import { startTestCluster } from '../../support/testCluster.js';

const messages = [{ role: 'user', content: 'Hi' }];
const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** A body with a schema of so many levels in it. */
const bodies: Record<string, (schema: string) => string> = {
  '/v1/chat/completions': (schema) =>
    `{"model":"test-model","messages":${JSON.stringify(messages)},` +
    `"tools":[{"type":"function","function":{"name":"a","parameters":${schema}}}]}`,
  '/v1/messages': (schema) =>
    `{"model":"test-model","max_tokens":3,"messages":${JSON.stringify(messages)},` +
    `"tools":[{"name":"a","input_schema":${schema}}]}`,
};

it.each(Object.entries(bodies))('on %s, before a worker can fail at them', async (path, toBody) => {
  const { url, workers, log } = await startTestCluster();
  const post = async (levels: number) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await request(url + path, { method: 'POST', headers, body: toBody(nested(levels)) });
    return { status: answer.statusCode, text: await answer.body.text() };
  };

  expect(await post(400)).toMatchObject({ status: 200 });
  for (const levels of [600, 200_000]) {
    expect(await post(levels)).toMatchObject({
      status: 400,
      text: expect.stringContaining('nested too deeply: at most 500 levels') as string,
    });
  }
  expect(workers[0]?.requests).toHaveLength(1);
  expect(log.entries().filter(({ level }) => !['debug', 'info'].includes(String(level)))).toEqual([]);
});
