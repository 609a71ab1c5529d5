import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLiveCluster, scriptedModel, type LiveCluster } from '../../support/liveCluster.js';
import { openAnthropicSpec } from '../../support/officialTypes/anthropicSpec.js';
import type { TypeJudge } from '../../support/officialTypes/typeJudge.js';
import { playScenario } from '../../support/scenarios.js';
import { openSse } from '../../support/sseStream.js';

let cluster: LiveCluster;
let spec: TypeJudge;
beforeAll(async () => {
  spec = openAnthropicSpec();
  cluster = await startLiveCluster({ script: playScenario });
}, 120_000);
afterAll(() => cluster?.close());

const path = '/v1/messages';
const count = `${path}/count_tokens`;
const user = (content: string) => [{ role: 'user', content }];
const weatherTool = {
  name: 'get_weather',
  input_schema: {
    type: 'object',
    properties: { city: { type: 'string', maxLength: 5 } },
    required: ['city'],
  },
};
const tiny = { model: 'tiny', max_tokens: 40, messages: user('Hello'), temperature: 0 };
const scripted = (content: string) => ({ model: scriptedModel, max_tokens: 40, messages: user(content) });

/** Each is asked for as JSON and as a stream: its name, what is asked, and what the answer has to show. */
const asks: [name: string, body: Record<string, unknown>, shows: RegExp][] = [
  ['text', scripted('Say hello.'), /end_turn/],
  ['text that is cut off', tiny, /max_tokens/],
  ['silence', scripted('Say nothing.'), /end_turn/],
  ['thoughts', scripted('Think first.'), /"type":"thinking"/],
  ['calls', { ...scripted('How is the weather?'), tools: [weatherTool] }, /"type":"tool_use"/],
  ['a forced call', { ...tiny, tools: [weatherTool], tool_choice: { type: 'any' } }, /"type":"tool_use"/],
  ['a stop sequence', { ...tiny, stop_sequences: [' '] }, /"stop_sequence":" "/],
];

const post = (route: string, body: unknown) =>
  fetch(cluster.url + route, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** The events of a stream, each judged and sent under its own name. */
function judgeEvents(frames: readonly string[]): void {
  for (const frame of frames) {
    const [name, data = ''] = frame.split('\ndata: ');
    const event = JSON.parse(data) as { type: string };
    expect(name).toBe(`event: ${event.type}`);
    const type = event.type === 'error' ? 'ErrorResponse' : 'RawMessageStreamEvent';
    expect(spec.violations(type, event)).toEqual([]);
  }
}

it.each(asks)('%s, as JSON', async (_name, body, shows) => {
  const response = await post(path, body);
  const answer = await response.text();

  expect(response.status, answer).toBe(200);
  expect(answer).toMatch(shows);
  expect(spec.violations('Message', JSON.parse(answer))).toEqual([]);
});

it.each(asks)('%s, as a stream', async (_name, body, shows) => {
  const stream = await openSse(cluster.url + path, { ...body, stream: true });
  const frames = await stream.rest();

  expect(stream.status).toBe(200);
  expect(frames.join('\n')).toMatch(shows);
  expect(frames.at(-1)).toMatch(/^event: message_stop\n/);
  judgeEvents(frames);
});

it('a stream that fails on the way', async () => {
  const body = { ...scripted('Fail on the way.'), stream: true };
  const frames = await (await openSse(cluster.url + path, body)).rest();
  expect(frames.at(-1)).toMatch(/^event: error\n/);
  judgeEvents(frames);
});

it('counted tokens', async () => {
  const counted: unknown = await (await post(count, tiny)).json();
  expect(spec.violations('MessageTokensCount', counted)).toEqual([]);
});

it.each<[string, string, object, number]>([
  ['no messages', path, { ...tiny, messages: [] }, 400],
  ['a wrong type', path, { ...tiny, max_tokens: 'many' }, 400],
  ['a long prompt', path, { ...tiny, messages: user('a b c '.repeat(2_000)) }, 400],
  ['an unknown model', path, { ...tiny, model: 'nope' }, 404],
  ['no messages to count', count, { ...tiny, messages: [] }, 400],
  ['an unknown model that should count', count, { ...tiny, model: 'nope' }, 404],
])('the error of %s', async (_name, route, body, status) => {
  const response = await post(route, body);
  expect(response.status).toBe(status);
  expect(spec.violations('ErrorResponse', await response.json())).toEqual([]);
});
