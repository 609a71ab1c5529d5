import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLiveCluster, scriptedModel, type LiveCluster } from '../../support/liveCluster.js';
import { openOpenAiSpec } from '../../support/officialTypes/openaiSpec.js';
import type { TypeJudge } from '../../support/officialTypes/typeJudge.js';
import { playScenario } from '../../support/scenarios.js';
import { dataOf, openSse } from '../../support/sseStream.js';

const user = (content: string) => [{ role: 'user', content }];
const weatherTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', maxLength: 5 } },
      required: ['city'],
    },
  },
};
const jsonSchema = {
  type: 'json_schema',
  json_schema: {
    name: 'answer',
    strict: true,
    schema: {
      type: 'object',
      properties: { sure: { type: 'boolean' }, size: { enum: ['s', 'm'] } },
      required: ['sure', 'size'],
      additionalProperties: false,
    },
  },
};
const tiny = { model: 'tiny', messages: user('Hello'), temperature: 0, max_tokens: 40 };
const scripted = (content: string) => ({ model: scriptedModel, messages: user(content) });

interface Ask {
  readonly name: string;
  readonly path: '/v1/chat/completions' | '/v1/completions';
  readonly body: Record<string, unknown>;
  /** What the answer has to have for the ask to have been worth it. */
  readonly shows: RegExp;
}
const chat = (name: string, body: Record<string, unknown>, shows: RegExp): Ask => ({
  name,
  path: '/v1/chat/completions',
  body,
  shows,
});
const completion = (name: string, body: Record<string, unknown>, shows: RegExp): Ask => ({
  name,
  path: '/v1/completions',
  body: { model: 'tiny', temperature: 0, max_tokens: 8, ...body },
  shows,
});

/** Each is asked for as JSON and as a stream. */
const asks: Ask[] = [
  chat('text', tiny, /"content":"\w/),
  chat('two choices', { ...tiny, n: 2 }, /"index":1/),
  chat('log probabilities', { ...tiny, logprobs: true, top_logprobs: 3 }, /"top_logprobs":\[\{/),
  chat('a JSON object', { ...tiny, response_format: { type: 'json_object' } }, /"content":".*\{/s),
  chat('an answer by a schema', { ...tiny, response_format: jsonSchema }, /"content":".*\{/s),
  chat('a forced tool', { ...tiny, tools: [weatherTool], tool_choice: 'required' }, /"name":"get_weather"/),
  chat('parallel calls', { ...scripted('How is the weather?'), tools: [weatherTool] }, /Rome/),
  chat('reasoning', scripted('Think first.'), /"reasoning_content":"Hm\./),
  completion('a completion', { prompt: 'Once' }, /"text":"/),
  completion('completions of token ids', { prompt: [[300, 301], [302]], n: 2 }, /"index":3/),
  completion('an echo with log probabilities', { prompt: 'Once upon', echo: true, logprobs: 2 }, /\[null,-/),
  completion('a rating', { prompt: 'Once upon', echo: true, logprobs: 0, max_tokens: 0 }, /token_logprobs/),
];

const broken: { name: string; path?: string; method?: string; body?: unknown; status: number }[] = [
  { name: 'no messages', body: { model: 'tiny' }, status: 400 },
  { name: 'a wrong type', body: { ...tiny, temperature: 'hot' }, status: 400 },
  { name: 'a long prompt', body: { ...tiny, messages: user('a b c '.repeat(2_000)) }, status: 400 },
  { name: 'something unsupported', body: { ...tiny, audio: { voice: 'alloy' } }, status: 400 },
  { name: 'an unknown model', body: { ...tiny, model: 'nope' }, status: 404 },
  { name: 'another kind of model', body: { ...tiny, model: 'tiny-rerank' }, status: 400 },
  { name: 'an unknown route', path: '/v1/nope', body: {}, status: 404 },
  { name: 'an unknown model by its route', path: '/v1/models/nope', method: 'GET', status: 404 },
  { name: 'a wrong method', method: 'PUT', body: {}, status: 405 },
  { name: 'a large body', body: { ...tiny, user: 'x'.repeat(11_000_000) }, status: 413 },
];

describe('answers and the official types of openai', () => {
  let cluster: LiveCluster;
  let spec: TypeJudge;
  beforeAll(async () => {
    spec = openOpenAiSpec();
    cluster = await startLiveCluster({ script: playScenario });
  }, 120_000);
  afterAll(() => cluster?.close());

  const post = (path: string, body: unknown, method = 'POST') =>
    fetch(cluster.url + path, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  it.each(asks)('$name, as JSON', async ({ path, body, shows }) => {
    const response = await post(path, body);
    const answer = await response.text();

    expect(response.status, answer).toBe(200);
    expect(answer).toMatch(shows);
    // The types allow it, because chunks of a completion have the same type.
    expect(answer).not.toMatch(/"(finish_reason|usage)":null/);
    const type = path === '/v1/completions' ? 'Completion' : 'ChatCompletion';
    expect(spec.violations(type, JSON.parse(answer))).toEqual([]);
  });

  it.each(asks)('$name, as a stream', async ({ path, body, shows }) => {
    const stream = await openSse(cluster.url + path, {
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    });
    const frames = await stream.rest();

    expect(stream.status).toBe(200);
    expect(frames.at(-1)).toBe('data: [DONE]');
    expect(frames.join('\n')).toMatch(shows);
    const type = path === '/v1/completions' ? 'Completion' : 'ChatCompletionChunk';
    const chunks = frames.filter((frame) => frame.startsWith('data: {')).map(dataOf);
    expect(chunks.flatMap((chunk) => spec.violations(type, chunk))).toEqual([]);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { total_tokens: expect.any(Number) as number },
    });
  });

  it('models', async () => {
    const list = (await (await post('/v1/models', undefined, 'GET')).json()) as { data: { id: string }[] };
    expect(list.data.map(({ id }) => id)).toContain(scriptedModel);
    expect(spec.violations('ListModelsResponse', list)).toEqual([]);

    const path = `/v1/models/${encodeURIComponent(scriptedModel)}`;
    const model: unknown = await (await post(path, undefined, 'GET')).json();
    expect(model).toMatchObject({ id: scriptedModel });
    expect(spec.violations('Model', model)).toEqual([]);
  });

  it.each(broken)('the error of $name', async ({ path = '/v1/chat/completions', method, body, status }) => {
    const response = await post(path, body, method);
    expect(response.status).toBe(status);
    expect(spec.violations('ErrorResponse', await response.json())).toEqual([]);
  });

  it('the error of a stream that fails on the way', async () => {
    const body = { ...scripted('Fail on the way.'), stream: true };
    const frames = await (await openSse(`${cluster.url}/v1/chat/completions`, body)).rest();
    expect(spec.violations('ErrorResponse', dataOf(frames.at(-1)))).toEqual([]);
    const chunks = frames.slice(0, -1).map(dataOf);
    expect(chunks.flatMap((chunk) => spec.violations('ChatCompletionChunk', chunk))).toEqual([]);
  });
});

describe('the judge', () => {
  let spec: TypeJudge;
  beforeAll(() => {
    spec = openOpenAiSpec();
  }, 60_000);

  const model = { id: 'm', object: 'model', created: 1, owned_by: 'me' };

  it.each<[string, string, unknown, RegExp]>([
    ['a missing property', 'Model', { ...model, owned_by: undefined }, /required property 'owned_by'/],
    ['an unknown property', 'Model', { ...model, surprise: 1 }, /additional properties.*surprise/],
    ['a wrong type', 'Model', { ...model, created: '1' }, /\/created: must be number/],
    ['a wrong constant', 'Model', { ...model, object: 'models' }, /\/object: must be equal to constant/],
    ['a null too many', 'Model', { ...model, id: null }, /\/id: must be string/],
    [
      'something deep inside',
      'ChatCompletion',
      { choices: [{ message: { role: 'user', content: null } }] },
      /\/choices\/0\/message: must have required property 'refusal'/,
    ],
    [
      'the one event that was meant',
      'ResponseStreamEvent',
      { type: 'response.output_text.delta', sequence_number: 1 },
      /^ResponseStreamEvent: must have required property 'content_index'/,
    ],
  ])('names %s', (_name, type, value, expected) => {
    expect(spec.violations(type, value).join('\n')).toMatch(expected);
  });

  it('has nothing against what is right', () => {
    expect(spec.violations('Model', model)).toEqual([]);
  });

  it('does not guess a type that is not there', () => {
    expect(() => spec.violations('NoSuchType', {})).toThrow(/no type NoSuchType/);
  });
});
