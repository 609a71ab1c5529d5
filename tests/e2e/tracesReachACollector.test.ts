import { expect, it, onTestFinished } from 'vitest';
import { startTraceCollector } from '../support/traceCollector.js';
import { startUp } from '../support/upProcess.js';

it('of a real model, named by the variable that OpenTelemetry has for it', async () => {
  const collector = await startTraceCollector();
  onTestFinished(collector.close);
  const up = await startUp({
    tiny: {},
    args: ['--workers', '1'],
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-token=secret',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    },
  });
  onTestFinished(up.cleanUp);
  const response = await fetch(`${up.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny-test', prompt: 'Once', max_tokens: 8 }),
  });
  const { usage } = (await response.json()) as {
    usage: { prompt_tokens: number; completion_tokens: number };
  };
  expect(response.status).toBe(200);
  expect(await up.stop()).toBe(0);

  const root = collector.spans.find(({ kind }) => kind === 'server');
  expect(root).toMatchObject({
    name: 'text_completion tiny-test',
    attributes: {
      'gen_ai.usage.input_tokens': usage.prompt_tokens,
      'gen_ai.usage.output_tokens': usage.completion_tokens,
      'ai_cluster.request_id': response.headers.get('x-request-id'),
    },
  });
  expect(collector.spans.map(({ name }) => name).sort()).toEqual([
    ...['attempt', 'decode', 'prefill', 'queue', 'route'],
    'text_completion tiny-test',
  ]);
  expect(collector.headers[0]).toMatchObject({ 'x-token': 'secret' });
  expect(collector.resources[0]).toMatchObject({
    'service.name': 'ai-cluster',
    'deployment.environment.name': 'test',
  });
});
