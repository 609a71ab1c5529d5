import { expect, it } from 'vitest';
import { toReadyText, type ReadyCluster } from '../../../src/cli/readyText.js';

const cluster: ReadyCluster = {
  controllerUrl: 'http://127.0.0.1:8080',
  workers: [{ name: 'worker_1', url: 'http://127.0.0.1:8081' }],
  models: [{ id: 'm', kind: 'generation', isGenerated: false }],
  metricsUrl: 'http://127.0.0.1:8080/metrics',
  tracesUrl: undefined,
  hasKeys: false,
  logDir: 'logs',
};

it('names what there is, with the page that explains it', () => {
  const text = toReadyText(cluster);
  expect(text).toContain('\n  Endpoint  http://127.0.0.1:8080/v1\n');
  expect(text).toContain('\n  Workers   worker_1 http://127.0.0.1:8081\n');
  expect(text).toContain('\n  Docs      http://127.0.0.1:8080/docs\n');
  expect(text).toContain('\n  Metrics   http://127.0.0.1:8080/metrics\n');
  expect(toReadyText({ ...cluster, metricsUrl: undefined })).not.toContain('Metrics');
  expect(text).not.toContain('Traces');
  const tracesUrl = 'http://127.0.0.1:4318/v1/traces';
  expect(toReadyText({ ...cluster, tracesUrl })).toContain(`\n  Traces    to ${tracesUrl}\n`);
  expect(text).not.toContain('gibberish');
  const made = toReadyText({ ...cluster, models: [{ id: 'tiny', kind: 'generation', isGenerated: true }] });
  expect(made).toContain('(tiny is a generated test model: it answers gibberish)');
});

it('says whether keys are asked for, and gives the command one', () => {
  const open = toReadyText(cluster);
  expect(open).toContain('Keys      none yet: the endpoint is open');
  expect(open).not.toContain('Authorization');
  const closed = toReadyText({ ...cluster, hasKeys: true });
  expect(closed).toContain('Keys      asked for');
  expect(closed).toContain('with your API key in OPENAI_API_KEY');
  expect(closed).toContain('-H "Authorization: Bearer $OPENAI_API_KEY" \\\n');
});

it.each([
  ['generation', '/v1/chat/completions', 'messages'],
  ['embedding', '/v1/embeddings', 'input'],
  ['ranking', '/v1/rerank', 'documents'],
] as const)('asks a model for %s what it can do', (kind, path, field) => {
  const text = toReadyText({ ...cluster, models: [{ id: 'm', kind, isGenerated: false }] });
  expect(text).toContain(`curl http://127.0.0.1:8080${path} `);
  const body = JSON.parse(/-d '(.*)'; echo/.exec(text)?.[1] ?? '') as Record<string, unknown>;
  expect(Object.keys(body)).toEqual(expect.arrayContaining(['model', field]));
});
