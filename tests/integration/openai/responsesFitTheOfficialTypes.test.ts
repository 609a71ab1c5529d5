import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLiveCluster, scriptedModel, type LiveCluster } from '../../support/liveCluster.js';
import { openOpenAiSpec } from '../../support/officialTypes/openaiSpec.js';
import type { TypeJudge } from '../../support/officialTypes/typeJudge.js';
import { playScenario } from '../../support/scenarios.js';
import { openSse } from '../../support/sseStream.js';

let cluster: LiveCluster;
let spec: TypeJudge;
beforeAll(async () => {
  spec = openOpenAiSpec();
  cluster = await startLiveCluster({ script: playScenario });
}, 120_000);
afterAll(() => cluster?.close());

const path = '/v1/responses';
const weather = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 5 } },
  required: ['city'],
  additionalProperties: false,
};
const tool = { type: 'function', name: 'get_weather', parameters: weather, strict: true };
const tiny = { model: 'tiny', input: 'Hello', temperature: 0, max_output_tokens: 40 };
const scripted = (input: string) => ({ model: scriptedModel, input });

interface Ask {
  readonly name: string;
  readonly body: Record<string, unknown>;
  /** What the answer has to have for the ask to have been worth it. */
  readonly shows: RegExp;
}
/** Each is asked for as JSON and as a stream. */
const asks: Ask[] = [
  { name: 'text', body: scripted('Say hello.'), shows: /"status":"completed".*"text":"Hello wörld/s },
  { name: 'text that is cut off', body: tiny, shows: /"incomplete_details":\{"reason":"max_output_tokens"/ },
  { name: 'silence', body: scripted('Say nothing.'), shows: /"text":""/ },
  { name: 'reasoning', body: scripted('Think first.'), shows: /"type":"reasoning_text","text":"Hm\./ },
  {
    name: 'parallel calls',
    body: { ...scripted('How is the weather?'), tools: [tool] },
    shows: /"type":"function_call".*Rome/s,
  },
  {
    name: 'a forced function',
    body: { ...tiny, tools: [tool], tool_choice: { type: 'function', name: 'get_weather' } },
    shows: /"tool_choice":\{"type":"function"/,
  },
  {
    name: 'one of the allowed functions',
    body: {
      ...scripted('How is the weather?'),
      tools: [tool, { type: 'function', name: 'plain' }],
      tool_choice: {
        type: 'allowed_tools',
        mode: 'auto',
        tools: [{ type: 'function', name: 'get_weather' }],
      },
    },
    shows: /"tool_choice":\{"type":"allowed_tools"/,
  },
  {
    name: 'log probabilities',
    body: { ...tiny, include: ['message.output_text.logprobs'], top_logprobs: 2 },
    shows: /"top_logprobs":\[\{/,
  },
  {
    name: 'an answer by a schema',
    body: {
      ...tiny,
      text: { format: { type: 'json_schema', name: 'place', schema: weather, strict: true } },
    },
    shows: /"format":\{"type":"json_schema"/,
  },
  {
    name: 'a JSON object',
    body: { ...tiny, text: { format: { type: 'json_object' }, verbosity: 'low' } },
    shows: /"verbosity":"low"/,
  },
  {
    name: 'everything that is said back',
    body: {
      ...scripted('Say hello.'),
      instructions: 'Be brief.',
      reasoning: { effort: 'low', summary: 'auto' },
      metadata: { run: 'nightly' },
      max_output_tokens: 50,
      max_tool_calls: 3,
      parallel_tool_calls: false,
      temperature: 0.5,
      top_p: 0.9,
      user: 'u',
      safety_identifier: 's',
      prompt_cache_key: 'k',
      service_tier: 'auto',
      store: false,
    },
    shows: /"metadata":\{"run":"nightly"\}/,
  },
  {
    name: 'an input of items',
    body: {
      model: scriptedModel,
      input: [
        { role: 'developer', content: 'Read out.' },
        { role: 'user', content: [{ type: 'input_text', text: 'How is the weather?' }] },
        { type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '{"city":"Oslo"}' },
        { type: 'function_call_output', call_id: 'call_1', output: 'sun in Oslo' },
      ],
    },
    shows: /sun in Oslo/,
  },
];

const send = (route: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') =>
  fetch(cluster.url + route, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

async function create(body: object): Promise<{ id: string }> {
  const response = await send(path, body);
  expect(response.status).toBe(200);
  return (await response.json()) as { id: string };
}

/** The events of frames `event: …\ndata: …`, each judged. */
function judgeEvents(frames: readonly string[]): void {
  const events = frames.map((frame) => {
    const [name, data = ''] = frame.split('\ndata: ');
    const event = JSON.parse(data) as { type: string };
    expect(name).toBe(`event: ${event.type}`);
    return event;
  });
  expect(events.length).toBeGreaterThan(2);
  expect(events.flatMap((event) => spec.violations('ResponseStreamEvent', event))).toEqual([]);
}

it.each(asks)('$name, as JSON', async ({ body, shows }) => {
  const response = await send(path, body);
  const answer = await response.text();

  expect(response.status, answer).toBe(200);
  expect(answer).toMatch(shows);
  expect(spec.violations('Response', JSON.parse(answer))).toEqual([]);
});

it.each(asks)('$name, as a stream', async ({ body, shows }) => {
  const stream = await openSse(cluster.url + path, { ...body, stream: true });
  const frames = await stream.rest();

  expect(stream.status).toBe(200);
  expect(frames.at(-1)).toMatch(shows);
  judgeEvents(frames);
});

it('a stream that fails on the way', async () => {
  const frames = await (
    await openSse(cluster.url + path, { ...scripted('Fail on the way.'), stream: true })
  ).rest();
  expect(frames.at(-1)).toMatch(/^event: response\.failed\n/);
  judgeEvents(frames);
});

it('what was stored: the response, its stream, its input page by page, its end', async () => {
  const first = await create({ ...scripted('How is the weather?'), tools: [tool] });
  const calls = (first as unknown as { output: { call_id: string }[] }).output;
  const outputs = calls.map(({ call_id }) => ({ type: 'function_call_output', call_id, output: 'sun' }));
  const { id } = await create({ model: scriptedModel, previous_response_id: first.id, input: outputs });

  const stored: unknown = await (await send(`${path}/${id}`)).json();
  expect(stored).toMatchObject({ id, previous_response_id: first.id });
  expect(spec.violations('Response', stored)).toEqual([]);
  judgeEvents((await (await send(`${path}/${id}?stream=true`)).text()).trimEnd().split('\n\n'));

  const types: string[] = [];
  for (const limit of [2, 100]) {
    const page = (await (await send(`${path}/${id}/input_items?order=asc&limit=${limit}`)).json()) as {
      data: { type: string }[];
      has_more: boolean;
    };
    expect(page.has_more).toBe(limit === 2);
    expect(spec.violations('ResponseItemList', page)).toEqual([]);
    types.splice(0, Infinity, ...page.data.map(({ type }) => type));
  }
  const twice = (type: string) => [type, type];
  expect(types).toEqual(['message', ...twice('function_call'), ...twice('function_call_output')]);

  const removed: unknown = await (await send(`${path}/${id}`, undefined, 'DELETE')).json();
  expect(spec.violations('DeletedResponse', removed)).toEqual([]);
  const gone = await send(`${path}/${id}`);
  expect(gone.status).toBe(404);
  expect(spec.violations('ErrorResponse', await gone.json())).toEqual([]);
});

it('an input of all that a model says, and an empty page', async () => {
  const { id } = await create({
    model: scriptedModel,
    input: [
      { role: 'user', content: 'Hi' },
      { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] },
      { role: 'assistant', content: [{ type: 'output_text', text: 'Hello' }] },
      { role: 'user', content: 'Say hello.' },
    ],
  });
  const all = (await (await send(`${path}/${id}/input_items?order=asc`)).json()) as {
    data: { id: string }[];
  };
  expect(all.data).toHaveLength(4);
  expect(spec.violations('ResponseItemList', all)).toEqual([]);

  const after = all.data.at(-1)?.id;
  const empty: unknown = await (await send(`${path}/${id}/input_items?order=asc&after=${after}`)).json();
  expect(empty).toMatchObject({ data: [], has_more: false });
  expect(spec.violations('ResponseItemList', empty)).toEqual([]);
});

it('the tokens of an input', async () => {
  const counted: unknown = await (
    await send(`${path}/input_tokens`, { model: 'tiny', input: 'Hello' })
  ).json();
  expect(spec.violations('InputTokenCountResponse', counted)).toEqual([]);
});

it.each([
  ['no input', '', { model: 'tiny' }, 400],
  ['a wrong type', '', { ...tiny, temperature: 'hot' }, 400],
  ['a long input', '', { ...tiny, input: 'a b c '.repeat(2_000) }, 400],
  ['something unsupported', '', { ...tiny, background: true }, 400],
  ['an unknown model', '', { ...tiny, model: 'nope' }, 404],
  ['a response before that is not there', '', { ...tiny, previous_response_id: 'resp_x' }, 400],
  ['a response that is not there', '/resp_x', undefined, 404],
  ['the input of a response that is not there', '/resp_x/input_items', undefined, 404],
  ['a page of nothing', '/resp_x/input_items?limit=0', undefined, 400],
])('the error of %s', async (_name, route, body, status) => {
  const response = await send(path + route, body);
  expect(response.status).toBe(status);
  expect(spec.violations('ErrorResponse', await response.json())).toEqual([]);
});
