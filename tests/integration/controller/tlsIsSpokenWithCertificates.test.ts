import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ClusterStatus } from '../../../src/protocol/clusterStatus.js';
import { trustOnly } from '../../../src/security/trustedCertificates.js';
import { startController, type RunningController } from '../../../src/controller/startController.js';
import { startControllerLink } from '../../../src/worker/joinController.js';
import {
  createCertificateMaker,
  type CertificateMaker,
  type TestCertificate,
} from '../../support/certificates.js';
import { testClusterToken } from '../../support/clusterToken.js';
import { eventually } from '../../support/eventually.js';
import { startFakeWorker } from '../../support/fakeWorker.js';
import { readyReport } from '../../support/nodeReport.js';
import { captureLog, testControllerOptions } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

let maker: CertificateMaker;
let authority: TestCertificate;
let signed: TestCertificate;
let alone: TestCertificate;
let other: TestCertificate;
beforeAll(() => {
  maker = createCertificateMaker();
  authority = maker.make('authority');
  signed = maker.make('127.0.0.1', authority);
  alone = maker.make('elsewhere.example');
  other = maker.make('127.0.0.1');
});
afterAll(() => maker.close());

async function start(tls: TestCertificate): Promise<RunningController> {
  const controller = await startController({ ...testControllerOptions, tls, logger: captureLog().logger });
  onTestFinished(() => controller.close());
  expect(controller.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  return controller;
}

function agentFor(pem: string): Agent {
  const agent = new Agent({ connect: trustOnly(pem), pipelining: 0 });
  onTestFinished(() => agent.destroy());
  return agent;
}

const get = async ({ url }: RunningController, path: string, pem: string) => {
  const { statusCode, body } = await request(url + path, { dispatcher: agentFor(pem) });
  return { status: statusCode, body: await body.json() };
};

async function openTls({ url }: RunningController, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false, ...options });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

describe('a controller with a certificate', () => {
  it('speaks https from TLS 1.2 on, to whoever trusts its authority or itself', async () => {
    const controller = await start(signed);
    for (const pem of [authority.cert, signed.cert, `${other.cert}\n${authority.cert}`])
      expect((await get(controller, '/v1/models', pem)).status).toBe(200);
    expect((await openTls(controller)).getProtocol()).toBe('TLSv1.3');
    const old = openTls(controller, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' });
    await expect(old).rejects.toThrow(/protocol/i);
  });

  it('is not trusted by others, and not under a name that its authority did not give it', async () => {
    const controller = await start(signed);
    await expect(get(controller, '/v1/models', other.cert)).rejects.toThrow();
    controller.setCertificate(maker.make('elsewhere.example', authority));
    await expect(get(controller, '/v1/models', authority.cert)).rejects.toThrow(/does not match/);
  });

  it('closes a connection of plain http without a word, and goes on', async () => {
    const controller = await start(signed);
    const { hostname, port } = new URL(controller.url);
    const socket = connectTcp(Number(port), hostname);
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString('latin1'))).on('error', () => undefined);
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received).not.toContain('HTTP/');
    expect((await get(controller, '/v1/models', authority.cert)).status).toBe(200);
  });

  it('keeps its limits: a head that never ends is answered 408', async () => {
    const controller = await startController({
      ...testControllerOptions,
      tls: signed,
      connectionLimits: { headersTimeoutMs: 200 },
      logger: captureLog().logger,
    });
    onTestFinished(() => controller.close());
    const socket = await openTls(controller);
    socket.write('GET /health HTTP/1.1\r\n');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('shows another one from then on, and drops no stream for it', async () => {
    const gate = createTokenGate();
    const controller = await start(signed);
    const worker = await startFakeWorker({ script: answer(['one', 'two'], { gate, tokensBeforeGate: 1 }) });
    onTestFinished(() => worker.kill());
    const link = joinOver(controller, worker.url, () => authority.cert);
    await eventually(async () => expect(await stateOf(controller, authority.cert)).toBe('ready'));

    const { body } = await request(`${controller.url}/v1/chat/completions`, {
      method: 'POST',
      dispatcher: agentFor(authority.cert),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'test-model',
        stream: true,
        messages: [{ role: 'user', content: 'Hello' }],
      }),
    });
    let text = '';
    for await (const chunk of body as AsyncIterable<Buffer>) {
      text += chunk.toString();
      if (!text.includes('one') || text.includes('two')) continue;
      controller.setCertificate(other);
      await expect(get(controller, '/v1/models', authority.cert)).rejects.toThrow();
      expect((await get(controller, '/v1/models', other.cert)).status).toBe(200);
      gate.open();
    }
    expect(text).toContain('two');
    expect(text).toContain('[DONE]');
    // Nor was the connection of the heartbeats.
    expect(await stateOf(controller, other.cert)).toBe('ready');
    expect(link.log.text()).not.toMatch(/could not join|lost the controller/);
  });
});

function joinOver(controller: Pick<RunningController, 'url'>, url: string, readCa?: () => string) {
  const log = captureLog();
  const link = startControllerLink({
    controllerUrl: controller.url,
    clusterToken: testClusterToken,
    readCa,
    identity: { nodeId: 'worker_1', instanceId: 'one', url, pid: 1, version: '0.0.0' },
    report: () => readyReport,
    logger: log.logger,
  });
  onTestFinished(() => link.close());
  return { log, link };
}

const stateOf = async (controller: RunningController, pem: string) =>
  ClusterStatus.parse((await get(controller, '/cluster/status', pem)).body).nodes[0]?.state;

describe('a worker', () => {
  it.each([
    ['the authority of its controller', () => [signed, authority] as const],
    ['the certificate itself, whatever its name', () => [alone, alone] as const],
  ])('joins over TLS by %s', async (_what, choose) => {
    const [shown, trusted] = choose();
    const controller = await start(shown);
    const { log } = joinOver(controller, 'http://127.0.0.1:9', () => trusted.cert);
    await eventually(() => expect(log.text()).toContain('joined the controller'));
    expect(await stateOf(controller, shown.cert)).toBe('ready');
  });

  it.each([
    ['without a word about whom it trusts', () => undefined],
    ['where it trusts another one', () => () => other.cert],
  ])('does not join %s, and says which setting', async (_what, choose) => {
    const controller = await start(alone);
    const { log } = joinOver(controller, 'http://127.0.0.1:9', choose());
    await eventually(() =>
      expect(log.text()).toContain('--controller-ca says which certificates are trusted'),
    );
    expect(log.entries()).toHaveLength(1);
    expect(await stateOf(controller, alone.cert)).toBe('joining');
  });

  it('joins when the file has the right certificate at last', async () => {
    const controller = await start(alone);
    let file = 'nothing yet';
    const { log, link } = joinOver(controller, 'http://127.0.0.1:9', () => file);
    await eventually(() => expect(log.text()).toContain('there is no certificate (PEM) in it'));
    file = alone.cert;
    await link.announce();
    await eventually(() => expect(log.text()).toContain('joined the controller'));
  });
});
