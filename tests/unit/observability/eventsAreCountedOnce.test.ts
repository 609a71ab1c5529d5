import { beforeEach, describe, expect, it } from 'vitest';
import { createControllerEvents, type ControllerEvents } from '../../../src/observability/events.js';
import type { InferenceRecord } from '../../../src/observability/events/inferenceRecord.js';
import type { RequestRecord } from '../../../src/observability/events/requestEvents.js';
import type { Logger } from '../../../src/observability/logger.js';
import { BucketTally } from '../../../src/observability/metrics/bucketTally.js';
import type { ControllerMetrics } from '../../../src/observability/metrics/controllerMetrics.js';
import { outcomes } from '../../../src/observability/metrics/labels.js';
import { buckets } from '../../../src/observability/metrics/metricSpec.js';
import { parseMetrics } from '../../support/metricsText.js';
import { createTestMetrics } from '../../support/testMetrics.js';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

let lines: Line[];
let metrics: ControllerMetrics;
let events: ControllerEvents;

beforeEach(() => {
  lines = [];
  metrics = createTestMetrics();
  const at = (level: string) => (message: string, fields: Record<string, unknown>) =>
    void lines.push({ level, message, fields });
  const logger = {
    log: at('log'),
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
  } as unknown as Logger;
  events = createControllerEvents({ logger, metrics });
});

function inference(fields: Partial<InferenceRecord> = {}): InferenceRecord {
  return {
    isCounted: true,
    model: 'm',
    keyId: 'anonymous',
    outcome: 'success',
    isStream: false,
    nodeId: 'worker_1',
    attempts: 1,
    promptTokens: 9,
    cachedTokens: 4,
    completionTokens: 5,
    maxTokens: undefined,
    queueMs: 20,
    firstTokenMs: 100,
    streamMs: undefined,
    answers: [{ nodeId: 'worker_1', prefillMs: 70, decodeMs: 400, tokens: 5 }],
    finishReasons: ['stop'],
    stages: undefined,
    overheadMs: undefined,
    pauses: 0,
    choices: [],
    choicesPerPrompt: 1,
    ...fields,
  };
}

function request(fields: Partial<RequestRecord> = {}): RequestRecord {
  return {
    requestId: 'req_1',
    clientRequestId: undefined,
    method: 'POST',
    path: '/v1/chat/completions',
    status: 200,
    endedAt: 2_000,
    durationMs: 1_500,
    inference: undefined,
    error: undefined,
    ...fields,
  };
}

const finish = (fields: Partial<InferenceRecord> = {}, requestFields: Partial<RequestRecord> = {}) =>
  events.requestFinished(request({ inference: inference(fields), ...requestFields }));

/** Samples that are not zero, as `labels → value`; for a histogram its counts or sums. */
async function nonZero(name: string, suffix = ''): Promise<Record<string, number>> {
  const samples = parseMetrics(await metrics.registry.text());
  return Object.fromEntries(
    samples
      .filter((sample) => sample.value !== 0 && sample.name === name + suffix)
      .map(({ labels, value }) => [Object.values(labels).join(' '), value]),
  );
}

describe('a request that is no inference', () => {
  it('is counted by route, and nowhere else', async () => {
    events.requestFinished(request({ method: 'GET', path: '/v1/models', status: 200, durationMs: 30 }));
    expect(await nonZero('ai_cluster_http_requests_total')).toEqual({ 'GET /v1/models 200': 1 });
    expect(await nonZero('ai_cluster_http_request_duration_seconds', '_sum')).toEqual({
      'GET /v1/models 200': 0.03,
    });
    for (const kind of ['inference', 'api_key', 'streaming']) {
      expect(await nonZero(`ai_cluster_${kind}_requests_total`)).toEqual({});
    }
  });

  it('cannot make up labels: unknown paths and methods have one each', async () => {
    for (let index = 0; index < 3; index++) {
      events.requestFinished(request({ method: `BREW${index}`, path: undefined, status: 404 }));
    }
    expect(await nonZero('ai_cluster_http_requests_total')).toEqual({ 'other unmatched 404': 3 });
  });
});

describe('a line of a batch', () => {
  const line = {
    requestId: 'req_1',
    batchId: 'batch_1',
    path: '/v1/completions',
    endedAt: 2_000,
    durationMs: 1_500,
  };

  it('is an inference that did not come over HTTP', async () => {
    events.batchLineFinished({ ...line, status: 200, inference: inference(), error: undefined });
    expect(await nonZero('ai_cluster_inference_requests_total')).toEqual({ 'm success': 1 });
    expect(await nonZero('ai_cluster_api_key_requests_total')).toEqual({ 'anonymous success': 1 });
    expect(await nonZero('ai_cluster_tokens_generated_total')).toEqual({ 'm prompt': 9, 'm completion': 5 });
    expect(await nonZero('ai_cluster_http_requests_total')).toEqual({});
  });

  it.each([
    ['success', 'info'],
    ['rejected', 'info'],
    ['error', 'error'],
  ] as const)('with the outcome %s is logged as %s', (outcome, level) => {
    events.batchLineFinished({
      ...line,
      status: 502,
      inference: inference({ outcome }),
      error: 'worker_failed',
    });
    expect(lines).toEqual([
      {
        level,
        message: 'batch line',
        fields: expect.objectContaining({ batchId: 'batch_1', requestId: 'req_1', outcome }) as object,
      },
    ]);
  });
});

describe('an inference', () => {
  it.each(outcomes)('with the outcome %s is counted once, with its key', async (outcome) => {
    finish({ outcome });
    finish({ outcome, isStream: true, streamMs: 200 });
    expect(await nonZero('ai_cluster_inference_requests_total')).toEqual({ [`m ${outcome}`]: 2 });
    expect(await nonZero('ai_cluster_api_key_requests_total')).toEqual({ [`anonymous ${outcome}`]: 2 });
    expect(await nonZero('ai_cluster_streaming_requests_total')).toEqual({ [`m ${outcome}`]: 1 });
    expect(await nonZero('ai_cluster_http_requests_total')).toEqual({ 'POST /v1/chat/completions 200': 2 });
  });

  it('has its durations in seconds, by the node that ended it', async () => {
    finish({ queueMs: 20, firstTokenMs: 100, isStream: true, streamMs: 1_400 });
    expect(await nonZero('ai_cluster_inference_duration_seconds', '_sum')).toEqual({ 'm worker_1': 1.5 });
    expect(await nonZero('ai_cluster_time_to_first_token_seconds', '_sum')).toEqual({ 'm worker_1': 0.1 });
    expect(await nonZero('ai_cluster_queue_wait_seconds', '_sum')).toEqual({ m: 0.02 });
    expect(await nonZero('ai_cluster_streaming_duration_seconds', '_sum')).toEqual({ m: 1.4 });
  });

  it('has its tokens by type', async () => {
    finish();
    finish({ outcome: 'cancelled', promptTokens: 1, completionTokens: 2 });
    expect(await nonZero('ai_cluster_tokens_generated_total')).toEqual({ 'm prompt': 10, 'm completion': 7 });
  });

  it('that was rejected has no duration: it was never run', async () => {
    finish(
      {
        outcome: 'rejected',
        nodeId: undefined,
        promptTokens: 0,
        completionTokens: 0,
        firstTokenMs: undefined,
        queueMs: undefined,
      },
      { status: 503 },
    );
    expect(await nonZero('ai_cluster_inference_requests_total')).toEqual({ 'm rejected': 1 });
    expect(await nonZero('ai_cluster_inference_duration_seconds', '_count')).toEqual({});
    expect(await nonZero('ai_cluster_time_to_first_token_seconds', '_count')).toEqual({});
    expect(await nonZero('ai_cluster_queue_wait_seconds', '_count')).toEqual({});
  });

  it('that reached no node is shown as such', async () => {
    finish({ outcome: 'error', nodeId: undefined });
    expect(await nonZero('ai_cluster_inference_duration_seconds', '_count')).toEqual({ 'm none': 1 });
  });

  it('that asked for a stream and got none has no duration of a stream', async () => {
    finish({ isStream: true, outcome: 'error', streamMs: undefined });
    expect(await nonZero('ai_cluster_streaming_requests_total')).toEqual({ 'm error': 1 });
    expect(await nonZero('ai_cluster_streaming_duration_seconds', '_count')).toEqual({});
  });

  it('that did not stream has no duration of a stream', async () => {
    finish({ isStream: false, streamMs: 50 });
    expect(await nonZero('ai_cluster_streaming_duration_seconds', '_count')).toEqual({});
  });

  it('is a stream in a part of the cases, whatever happens', async () => {
    for (const outcome of outcomes) {
      for (const isStream of [true, false, true]) {
        for (const streamMs of [undefined, 10]) finish({ outcome, isStream, streamMs });
      }
    }
    const all = await nonZero('ai_cluster_inference_requests_total');
    const streams = await nonZero('ai_cluster_streaming_requests_total');
    for (const outcome of outcomes) {
      expect(all[`m ${outcome}`]).toBe(6);
      expect(streams[`m ${outcome}`]).toBe(4);
    }
    const durations = Object.values(await nonZero('ai_cluster_streaming_duration_seconds', '_count'));
    expect(durations).toEqual([8]);
  });
});

describe('an answer', () => {
  it('has its parts in seconds, and its mean time a token', async () => {
    finish({ maxTokens: 64 });
    expect(await nonZero('ai_cluster_prefill_duration_seconds', '_sum')).toEqual({ 'm worker_1': 0.07 });
    expect(await nonZero('ai_cluster_decode_duration_seconds', '_sum')).toEqual({ 'm worker_1': 0.4 });
    const perToken = await nonZero('ai_cluster_request_time_per_output_token_seconds', '_sum');
    expect(perToken).toEqual({ m: 0.1 });
    expect(await nonZero('ai_cluster_request_finished_total')).toEqual({ 'm stop': 1 });
    expect(await nonZero('ai_cluster_request_prompt_tokens', '_sum')).toEqual({ m: 9 });
    expect(await nonZero('ai_cluster_request_completion_tokens', '_sum')).toEqual({ m: 5 });
    expect(await nonZero('ai_cluster_request_max_tokens', '_sum')).toEqual({ m: 64 });
  });

  it('of one token has no time between tokens', async () => {
    finish({ answers: [{ nodeId: 'worker_1', prefillMs: 70, decodeMs: 0, tokens: 1 }] });
    expect(await nonZero('ai_cluster_request_time_per_output_token_seconds', '_count')).toEqual({});
  });

  it.each(['cancelled', 'error'] as const)('that came to no end is finished as %s', async (outcome) => {
    finish({ outcome, finishReasons: [] });
    expect(await nonZero('ai_cluster_request_finished_total')).toEqual({ [`m ${outcome}`]: 1 });
  });

  it('tells the times between its tokens all at once', async () => {
    const gaps = new BucketTally(buckets.betweenTokens);
    gaps.add(0.02, 3);
    gaps.add(7);
    events.tokensStreamed({ model: 'm', nodeId: 'worker_1', gaps });
    const name = 'ai_cluster_inter_token_latency_seconds';
    expect(await nonZero(name, '_count')).toEqual({ 'm worker_1': 4 });
    expect((await nonZero(name, '_sum'))['m worker_1']).toBeCloseTo(7.06);
    const counts = await nonZero(name, '_bucket');
    expect([counts['m worker_1 0.01'], counts['m worker_1 0.025'], counts['m worker_1 +Inf']]).toEqual([
      undefined,
      3,
      4,
    ]);
  });
});

describe('where a client left', () => {
  it.each([
    ['queue', { queueMs: undefined, firstTokenMs: undefined }],
    ['prefill', { firstTokenMs: undefined }],
    ['decode', {}],
  ])('is counted: %s', async (phase, fields) => {
    finish({ outcome: 'cancelled', ...fields });
    expect(await nonZero('ai_cluster_client_disconnects_total')).toEqual({ [phase]: 1 });
  });
});

describe('what was wrong', () => {
  it.each([
    [400, 'validation'],
    [401, 'auth'],
    [404, 'validation'],
    [408, 'timeout'],
    [429, 'overload'],
    [500, 'internal'],
    [503, 'overload'],
    [504, 'timeout'],
  ])('is counted: status %d as %s', async (status, errorClass) => {
    events.requestFinished(request({ status }));
    expect(await nonZero('ai_cluster_errors_total')).toEqual({ [`${errorClass} none`]: 1 });
  });

  it('is nothing where a worker failed, which is counted with the try, or a probe was told to wait', async () => {
    events.requestFinished(request({ status: 502 }));
    events.requestFinished(request({ status: 499 }));
    events.requestFinished(request({ method: 'GET', path: '/ready', status: 503 }));
    expect(await nonZero('ai_cluster_errors_total')).toEqual({});
  });
});

describe('the stages of a request', () => {
  const stages = new Map([
    ['prefill', 70],
    ['decode', 400],
  ] as const);

  it('are counted of one that succeeded', async () => {
    finish({ stages, overheadMs: 2 });
    finish({ stages, overheadMs: 2, outcome: 'error' });
    const name = 'ai_cluster_stage_duration_seconds';
    expect(await nonZero(name, '_sum')).toEqual({ prefill: 0.07, decode: 0.4 });
    expect(await nonZero('ai_cluster_router_overhead_seconds', '_sum')).toEqual({ '': 0.002 });
  });
});

describe('the log line of a request', () => {
  it('has what an operator asks for, rounded, and no text of the client', () => {
    finish({ queueMs: 20.0349, firstTokenMs: 99.96 }, { durationMs: 1500.123, clientRequestId: 'c-1' });
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'request',
        fields: {
          requestId: 'req_1',
          clientRequestId: 'c-1',
          method: 'POST',
          path: '/v1/chat/completions',
          status: 200,
          durationMs: 1500.1,
          keyId: 'anonymous',
          model: 'm',
          nodeId: 'worker_1',
          outcome: 'success',
          stream: false,
          attempts: 1,
          promptTokens: 9,
          cachedTokens: 4,
          completionTokens: 5,
          queueMs: 20,
          firstTokenMs: 100,
          finishReason: 'stop',
          error: undefined,
        },
      },
    ]);
  });

  it.each(['/health', '/ready', '/cluster/status'])(
    'is left out for %s, which is still counted',
    async (path) => {
      events.requestFinished(request({ method: 'GET', path }));
      expect(lines).toEqual([]);
      expect(await nonZero('ai_cluster_http_requests_total')).toEqual({ [`GET ${path} 200`]: 1 });
    },
  );

  it('is an error for a status of 500 and more, of quiet paths too', () => {
    events.requestFinished(request({ method: 'GET', path: '/health', status: 503 }));
    events.requestFinished(request({ status: 500, error: 'why' }));
    expect(lines.map(({ level, fields }) => [level, fields['error']])).toEqual([
      ['error', undefined],
      ['error', 'why'],
    ]);
  });

  it('is no error for a probe that is told to wait', () => {
    events.requestFinished(request({ method: 'GET', path: '/ready', status: 503 }));
    events.requestFinished(request({ method: 'GET', path: '/ready', status: 500 }));
    expect(lines.map(({ level }) => level)).toEqual(['info', 'error']);
  });

  it('is an error for a stream that failed behind a status of 200', () => {
    finish({ outcome: 'error', isStream: true });
    expect(lines[0]?.level).toBe('error');
  });

  it.each([200, 400, 404, 499])('is not an error for %d', (status) => {
    finish({ outcome: status === 499 ? 'cancelled' : 'success' }, { status });
    events.requestFinished(request({ status }));
    expect(lines.map(({ level }) => level)).toEqual(['info', 'info']);
  });

  it('names no path where no route matched', () => {
    events.requestFinished(request({ path: undefined, status: 404 }));
    expect(lines[0]?.fields['path']).toBe('unmatched');
  });
});

describe('what else happens', () => {
  it.each([
    ['suspect', 'warn'],
    ['lost', 'warn'],
    ['ready', 'info'],
    ['draining', 'info'],
    ['loading', 'info'],
  ] as const)('is logged: a node that is %s as %s', (to, level) => {
    const change = { nodeId: 'worker_1', from: 'joining', to, reason: 'r' } as const;
    events.nodeStateChanged(change);
    expect(lines).toEqual([{ level, message: 'node state', fields: change }]);
  });

  it('is logged: failed attempts and refused internal calls as warnings, draining as information', () => {
    const failure = { requestId: 'r', nodeId: 'worker_1', attempt: 1, reason: 'reset', willRetry: true };
    events.attemptFailed({ ...failure, errorClass: 'network' });
    events.internalCallRefused({ path: '/internal/v1/nodes', status: 400, reason: 'host' });
    events.draining(3);
    expect(lines).toEqual([
      { level: 'warn', message: 'attempt failed', fields: failure },
      {
        level: 'warn',
        message: 'internal call refused',
        fields: { path: '/internal/v1/nodes', status: 400, reason: 'host' },
      },
      { level: 'info', message: 'draining', fields: { activeRequests: 3 } },
    ]);
  });
});

describe('a key', () => {
  const samples = async () =>
    (await metrics.registry.text())
      .split('\n')
      .filter((line) => /^ai_cluster_api_key_requests_total\{.* [1-9]/.test(line) || line.includes('sk-a'));

  it('takes its series with it when it is revoked, and what ends late does not bring them back', async () => {
    const run = () => finish({ keyId: 'sk-a' });
    events.keyAdded('sk-a');
    run();
    expect(await samples()).toContain('ai_cluster_api_key_requests_total{key_id="sk-a",status="success"} 1');
    expect(await samples()).toContain('ai_cluster_api_key_rate_limit_hits_total{key_id="sk-a"} 0');
    events.keyRevoked('sk-a');
    run();
    events.queueRejected({ reason: 'key_limit', keyId: 'sk-a' });
    expect(await samples()).toEqual([
      'ai_cluster_api_key_requests_total{key_id="revoked",status="success"} 1',
    ]);
  });

  it('that was refused is named in the log where its secret was right', () => {
    events.keyChecked({ requestId: 'r', result: 'missing' });
    events.keyChecked({ requestId: 'r', result: 'invalid' });
    events.keyChecked({ requestId: 'r', result: 'ok', keyId: 'sk-a' });
    events.keyChecked({ requestId: 'r', result: 'disabled', keyId: 'sk-a' });
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'api key refused',
        fields: { requestId: 'r', keyId: 'sk-a', reason: 'disabled' },
      },
    ]);
  });
});
