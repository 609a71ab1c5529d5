import { describe, expect, it } from 'vitest';
import { anonymousPrincipal, GenerateRequest } from '../../../src/protocol/generateRequest.js';
import { GenerationEvent } from '../../../src/protocol/generation.js';
import { ChildMessage } from '../../../src/protocol/supervision.js';
import { HeartbeatRequest, JoinRequest, NodeId } from '../../../src/protocol/workerApi.js';
import { toRequest } from '../../support/generate.js';

const request: GenerateRequest = toRequest('', { model: 'm' });

const model = {
  id: 'm',
  kind: 'generation',
  slotsTotal: 4,
  slotsBusy: 0,
  contextTokens: 4096,
  loadSeconds: 0.5,
  memoryBytes: 1e8,
  fingerprint: 'fp_1',
};
const report = { phase: 'ready', uptimeSeconds: 3, models: [model] };
const join = {
  nodeId: 'worker_1',
  instanceId: 'a',
  url: 'http://127.0.0.1:8081',
  pid: 42,
  version: '0.1.0',
  report,
};

describe('a generate request', () => {
  it('is accepted complete', () => {
    expect(GenerateRequest.parse(request)).toEqual(request);
    expect(GenerateRequest.safeParse({ ...request, maxTokens: 1, resumeTokens: [0, 7] }).success).toBe(true);
  });

  it.each(Object.keys(request))('is refused without %s', (key) => {
    const rest = Object.fromEntries(Object.entries(request).filter(([name]) => name !== key));
    expect(GenerateRequest.safeParse(rest).success).toBe(false);
  });

  it.each<[string, object]>([
    ['at the top', { ...request, n: 2 }],
    ['in sampling', { ...request, sampling: { ...request.sampling, typicalP: 1 } }],
    ['in a message', { ...request, messages: [{ role: 'user', content: 'x', name: 'ann' }] }],
    ['in the principal', { ...request, principal: { ...anonymousPrincipal, admin: true } }],
  ])('is refused with a field that the worker does not know %s', (_where, body) => {
    const result = GenerateRequest.safeParse(body);
    expect(result.error?.issues[0]?.code).toBe('unrecognized_keys');
  });

  it.each<[string, object]>([
    ['no message', { messages: [] }],
    ['a role that chats do not have', { messages: [{ role: 'function', content: 'x' }] }],
    ['a tool message that answers no call', { messages: [{ role: 'tool', content: 'x' }] }],
    ['a tool whose name is no name', { tools: [{ name: 'a b', strict: false }] }],
    ['more than 20 log probabilities', { topLogprobs: 21 }],
    ['an empty stop text', { stop: [''] }],
    ['less than no token to generate', { maxTokens: -1 }],
    ['a negative token', { resumeTokens: [-1] }],
    ['a broken token', { resumeTokens: [1.5] }],
    ['a seed of more than 32 bits', { sampling: { ...request.sampling, seed: 2 ** 32 } }],
    ['a temperature above 2', { sampling: { ...request.sampling, temperature: 2.1 } }],
    ['another kind', { kind: 'image' }],
    ['no request id', { requestId: '' }],
    ['a weight of nothing', { principal: { ...anonymousPrincipal, weight: 0 } }],
  ])('is refused with %s', (_what, fields) => {
    expect(GenerateRequest.safeParse({ ...request, ...fields }).success).toBe(false);
  });
});

describe('a generation event', () => {
  const usage = { promptTokens: 3, completionTokens: 1, reasoningTokens: 0, cachedTokens: 0 };
  const done = {
    type: 'done',
    deltas: [],
    finishReason: 'stop',
    usage,
    timings: { prefillMs: 1, decodeMs: 2 },
  };

  it.each([
    [{ type: 'accepted', promptTokens: 3, cachedTokens: 0 }],
    [{ type: 'progress', phase: 'prefill', tokensDone: 0 }],
    [{ type: 'output', choice: 0, tokenIds: [1], deltas: [] }],
    [
      {
        type: 'output',
        choice: 1,
        tokenIds: [],
        deltas: [{ type: 'toolCall', index: 0, name: 'f', delta: '' }],
      },
    ],
    [{ type: 'echo', text: 'x' }],
    [done],
    [{ type: 'error', code: 'engine_failed', message: 'x', retryable: true }],
  ])('is accepted as %j', (event) => {
    expect(GenerationEvent.parse(event)).toEqual(event);
  });

  it.each([
    [{ type: 'tool', name: 'x' }],
    [{ promptTokens: 3, cachedTokens: 0 }],
    [{ type: 'progress', phase: 'thinking', tokensDone: 0 }],
    [{ type: 'output', choice: 0, tokenIds: [-1], deltas: [] }],
    [{ type: 'output', choice: 0, tokenIds: [1], deltas: [{ type: 'image', delta: '' }] }],
    [{ ...done, finishReason: 'eos' }],
    [{ ...done, usage: { promptTokens: 3 } }],
    [{ type: 'error', code: 'bad_luck', message: 'x', retryable: true }],
    [{ type: 'error', code: 'engine_failed', message: 'x' }],
  ])('is refused as %j', (event) => {
    expect(GenerationEvent.safeParse(event).success).toBe(false);
  });
});

describe('a join', () => {
  it('is accepted, and so is the heartbeat after it', () => {
    expect(JoinRequest.parse(join)).toEqual(join);
    expect(HeartbeatRequest.parse({ instanceId: 'a', report })).toEqual({ instanceId: 'a', report });
  });

  it.each(['loading', 'ready', 'draining'])('may come while the worker is %s', (phase) => {
    expect(JoinRequest.safeParse({ ...join, report: { ...report, phase, models: [] } }).success).toBe(true);
  });

  it.each<[string, object]>([
    ['https', { url: 'https://127.0.0.1:8081' }],
    ['a URL of a file', { url: 'file:///etc/passwd' }],
    ['no URL', { url: 'worker' }],
    ['no instance', { instanceId: '' }],
    ['a process id of 0', { pid: 0 }],
    ['a phase that is none', { report: { ...report, phase: 'lost' } }],
    ['a model of an unknown kind', { report: { ...report, models: [{ ...model, kind: 'vision' }] } }],
    ['a model without slots', { report: { ...report, models: [{ ...model, slotsTotal: 0 }] } }],
    ['negative slots', { report: { ...report, models: [{ ...model, slotsBusy: -1 }] } }],
  ])('is refused with %s', (_what, fields) => {
    expect(JoinRequest.safeParse({ ...join, ...fields }).success).toBe(false);
  });

  it.each(['worker_1', 'a', 'A.b-c_9', `w${'x'.repeat(62)}`])('accepts the node id %s', (id) => {
    expect(NodeId.safeParse(id).success).toBe(true);
  });

  it.each(['', '_x', '-x', '.x', 'a/b', 'a b', 'ä', 'a"b', 'a\n', `w${'x'.repeat(63)}`])(
    'refuses the node id %j',
    (id) => {
      expect(NodeId.safeParse(id).success).toBe(false);
    },
  );
});

describe('a message of a supervised process', () => {
  it('says that it is ready or why not', () => {
    for (const message of [
      { type: 'ready', url: 'http://127.0.0.1:8080' },
      { type: 'failed', message: 'port in use' },
    ]) {
      expect(ChildMessage.parse(message)).toEqual(message);
    }
    expect(ChildMessage.safeParse({ type: 'ready' }).success).toBe(false);
    expect(ChildMessage.safeParse({ type: 'other', url: 'x' }).success).toBe(false);
  });
});
