import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createMonitoringFolder } from './monitoringFolder.js';

/** Answers every request like this; resolves with its address. */
async function answerWith(status: number, text: string): Promise<string> {
  const server = createServer((_req, res) => res.writeHead(status).end(text)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it.each([
  [404, '', 'no metrics: it answers with status 404', 'start it without METRICS_ENABLED=0'],
  [401, '', 'no metrics: it answers with status 401', 'data/cluster-token'],
  [200, 'up 1\n', 'what answers there has none of process_cpu_seconds_total', 'it is no ai-cluster'],
  [
    200,
    'process_cpu_seconds_total 7\n',
    'its values stand still (process_cpu_seconds_total)',
    'start it again',
  ],
])('make metrics-check, of a worker that answers %i %j: %s', async (status, text, complaint, remedy) => {
  const monitoring = await createMonitoringFolder();
  const address = await answerWith(status, text);
  monitoring.setTargets({ controllers: [], workers: { worker_7: address } });
  const { code, output } = await monitoring.make('metrics-check');
  expect(output).toContain(`WRONG  worker_7 (${address}): ${complaint}`);
  expect(output.split('\n').find((line) => line.startsWith('       > '))).toContain(remedy);
  expect(output).toContain('One thing is wrong.');
  expect(code).not.toBe(0);
});

it('make metrics-check, of something else on the port of Prometheus', async () => {
  const monitoring = await createMonitoringFolder();
  monitoring.setTargets({ controllers: [], workers: { worker_1: await answerWith(404, '') } });
  const { port } = new URL(`http://${await answerWith(200, 'hello')}`);
  const { output } = await monitoring.make('metrics-check', { PROMETHEUS_PORT: port });
  expect(output).toContain(`http://127.0.0.1:${port} answers, but not as Prometheus does`);
  expect(output).toContain('2 things are wrong.');
});
