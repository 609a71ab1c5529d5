import { beforeEach, describe, expect, it } from 'vitest';
import {
  createControllerEvents,
  type ControllerEvents,
  type InferenceRecord,
  type RequestRecord,
} from '../../../src/observability/events.js';
import type { Logger } from '../../../src/observability/logger.js';
import {
  createControllerMetrics,
  outcomes,
  type ControllerMetrics,
} from '../../../src/observability/metrics.js';
import { eventually } from '../../support/eventually.js';

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
  metrics = createControllerMetrics({
    models: ['m'],
    nodeIds: ['worker_1'],
    keyIds: ['anonymous'],
    readCluster: () => ({ nodes: [], wantedNodes: 0, queue: [] }),
  });
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
    queueMs: 20,
    firstTokenMs: 100,
    streamMs: undefined,
    finishReason: 'stop',
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
    durationMs: 1_500,
    inference: undefined,
    error: undefined,
    ...fields,
  };
}

const finish = (fields: Partial<InferenceRecord> = {}, requestFields: Partial<RequestRecord> = {}) =>
  events.requestFinished(request({ inference: inference(fields), ...requestFields }));

interface Sample {
  readonly value: number;
  readonly labels: Record<string, string | number | undefined>;
  readonly metricName?: string;
}

/** Samples that are not zero, as `labels → value`; for a histogram its counts or sums. */
async function nonZero(
  metric: { get(): Promise<{ name: string; values: Sample[] }> },
  suffix = '',
): Promise<Record<string, number>> {
  const { name, values } = await metric.get();
  return Object.fromEntries(
    values
      .filter(({ value, metricName }) => value !== 0 && (metricName ?? name) === name + suffix)
      .map(({ labels, value }) => [Object.values(labels).join(' '), value]),
  );
}

describe('a request that is no inference', () => {
  it('is counted by route, and nowhere else', async () => {
    events.requestFinished(request({ method: 'GET', path: '/v1/models', status: 200, durationMs: 30 }));
    expect(await nonZero(metrics.httpRequests)).toEqual({ 'GET /v1/models 200': 1 });
    expect(await nonZero(metrics.httpRequestDuration, '_sum')).toEqual({ 'GET /v1/models 200': 0.03 });
    for (const counter of [metrics.inferenceRequests, metrics.apiKeyRequests, metrics.streamingRequests]) {
      expect(await nonZero(counter)).toEqual({});
    }
  });

  it('cannot make up labels: unknown paths and methods have one each', async () => {
    for (let index = 0; index < 3; index++) {
      events.requestFinished(request({ method: `BREW${index}`, path: undefined, status: 404 }));
    }
    expect(await nonZero(metrics.httpRequests)).toEqual({ 'other unmatched 404': 3 });
  });
});

describe('a line of a batch', () => {
  const line = { requestId: 'req_1', batchId: 'batch_1', path: '/v1/completions', durationMs: 1_500 };

  it('is an inference that did not come over HTTP', async () => {
    events.batchLineFinished({ ...line, status: 200, inference: inference(), error: undefined });
    expect(await nonZero(metrics.inferenceRequests)).toEqual({ 'm success': 1 });
    expect(await nonZero(metrics.apiKeyRequests)).toEqual({ 'anonymous success': 1 });
    expect(await nonZero(metrics.tokensGenerated)).toEqual({ 'm prompt': 9, 'm completion': 5 });
    expect(await nonZero(metrics.httpRequests)).toEqual({});
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
    expect(await nonZero(metrics.inferenceRequests)).toEqual({ [`m ${outcome}`]: 2 });
    expect(await nonZero(metrics.apiKeyRequests)).toEqual({ [`anonymous ${outcome}`]: 2 });
    expect(await nonZero(metrics.streamingRequests)).toEqual({ [`m ${outcome}`]: 1 });
    expect(await nonZero(metrics.httpRequests)).toEqual({ 'POST /v1/chat/completions 200': 2 });
  });

  it('has its durations in seconds, by the node that ended it', async () => {
    finish({ queueMs: 20, firstTokenMs: 100, isStream: true, streamMs: 1_400 });
    expect(await nonZero(metrics.inferenceDuration, '_sum')).toEqual({ 'm worker_1': 1.5 });
    expect(await nonZero(metrics.timeToFirstToken, '_sum')).toEqual({ 'm worker_1': 0.1 });
    expect(await nonZero(metrics.queueWait, '_sum')).toEqual({ m: 0.02 });
    expect(await nonZero(metrics.streamingDuration, '_sum')).toEqual({ m: 1.4 });
  });

  it('has its tokens by type', async () => {
    finish();
    finish({ outcome: 'cancelled', promptTokens: 1, completionTokens: 2 });
    expect(await nonZero(metrics.tokensGenerated)).toEqual({ 'm prompt': 10, 'm completion': 7 });
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
    expect(await nonZero(metrics.inferenceRequests)).toEqual({ 'm rejected': 1 });
    expect(await nonZero(metrics.inferenceDuration, '_count')).toEqual({});
    expect(await nonZero(metrics.timeToFirstToken, '_count')).toEqual({});
    expect(await nonZero(metrics.queueWait, '_count')).toEqual({});
  });

  it('that reached no node is shown as such', async () => {
    finish({ outcome: 'error', nodeId: undefined });
    expect(await nonZero(metrics.inferenceDuration, '_count')).toEqual({ 'm none': 1 });
  });

  it('that asked for a stream and got none has no duration of a stream', async () => {
    finish({ isStream: true, outcome: 'error', streamMs: undefined });
    expect(await nonZero(metrics.streamingRequests)).toEqual({ 'm error': 1 });
    expect(await nonZero(metrics.streamingDuration, '_count')).toEqual({});
  });

  it('that did not stream has no duration of a stream', async () => {
    finish({ isStream: false, streamMs: 50 });
    expect(await nonZero(metrics.streamingDuration, '_count')).toEqual({});
  });

  it('is a stream in a part of the cases, whatever happens', async () => {
    for (const outcome of outcomes) {
      for (const isStream of [true, false, true]) {
        for (const streamMs of [undefined, 10]) finish({ outcome, isStream, streamMs });
      }
    }
    const all = await nonZero(metrics.inferenceRequests);
    const streams = await nonZero(metrics.streamingRequests);
    for (const outcome of outcomes) {
      expect(all[`m ${outcome}`]).toBe(6);
      expect(streams[`m ${outcome}`]).toBe(4);
    }
    const durations = Object.values(await nonZero(metrics.streamingDuration, '_count'));
    expect(durations).toEqual([8]);
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
      expect(await nonZero(metrics.httpRequests)).toEqual({ [`GET ${path} 200`]: 1 });
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
    events.attemptFailed(failure);
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
    (await metrics.registry.metrics())
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
    await eventually(async () =>
      expect(await samples()).toEqual([
        'ai_cluster_api_key_requests_total{key_id="revoked",status="success"} 1',
      ]),
    );
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
