import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRealCluster, type RealCluster } from '../../support/realCluster.js';

let cluster: RealCluster;
beforeAll(async () => {
  cluster = await startRealCluster();
}, 120_000);
afterAll(() => cluster.close());

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];
const hard = { type: 'object', dependentSchemas: { a: {} } };
const easy = { type: 'object' };
const json_schema = { name: 'x', strict: true, schema: hard };
const format = { type: 'json_schema', ...json_schema };
const tool = (name: string, parameters: object) => ({ name, strict: true, parameters });
const called = (name: string, parameters: object) => ({ type: 'function', function: tool(name, parameters) });
const flat = (name: string, parameters: object) => ({ type: 'function', ...tool(name, parameters) });

it.each<[path: string, body: object, code: string, param: string | null]>([
  [
    chat,
    { messages, response_format: { type: 'json_schema', json_schema } },
    'unsupported_value',
    'response_format',
  ],
  [
    chat,
    { messages, tools: [called('a', easy), called('b', hard)] },
    'unsupported_value',
    'tools[1].function.parameters',
  ],
  ['/v1/responses', { input: 'Hi', text: { format } }, 'unsupported_value', 'text.format'],
  [
    '/v1/responses',
    { input: 'Hi', tools: [flat('a', easy), flat('b', hard)] },
    'unsupported_value',
    'tools[1].parameters',
  ],
  ['/v1/completions', { prompt: [1, 9_999_999] }, 'invalid_value', 'prompt'],
])('on %s as what is at fault in %j', async (path, body, code, param) => {
  const answer = await cluster.send(path, { model: 'tiny', ...body });
  expect(answer).toMatchObject({ status: 400, body: { error: { code, param } } });
});

it('in words, where there is no place in the answer for the parameter', async () => {
  const tools = [{ name: 'b', strict: true, input_schema: hard }];
  const asked = await cluster.send('/v1/messages', { model: 'tiny', max_tokens: 5, messages, tools });
  expect(asked.body).toMatchObject({
    error: {
      message:
        "Invalid schema in 'tools[0].input_schema': #: dependentSchemas: it cannot be enforced by a grammar.",
    },
  });

  const biased = await cluster.send(chat, { model: 'tiny', messages, logit_bias: { 9999999: 1 } });
  expect(biased.body).toMatchObject({
    error: { message: expect.stringContaining("Token 9999999 of 'logit_bias' does not exist") as string },
  });
});
