import { execFile } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { trustOnly } from '../../src/security/trustedCertificates.js';
import {
  createCertificateMaker,
  type CertificateMaker,
  type TestCertificate,
} from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { startUp, type UpProcess } from '../support/upProcess.js';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));

let maker: CertificateMaker;
let first: TestCertificate;
let second: TestCertificate;
let up: UpProcess;
let files: { readonly cert: string; readonly key: string };

const install = (certificate: TestCertificate) => {
  copyFileSync(certificate.certFile, files.cert);
  copyFileSync(certificate.keyFile, files.key);
};

beforeAll(async () => {
  maker = createCertificateMaker();
  first = maker.make('ai.example.com');
  second = maker.make('ai.example.com');
  files = { cert: path.join(maker.folder, 'cert.pem'), key: path.join(maker.folder, 'key.pem') };
  install(first);
  up = await startUp({
    tiny: { endless: false },
    args: ['--workers', '1', '--tls-cert', files.cert, '--tls-key', files.key],
  });
}, 120_000);
afterAll(async () => {
  await up.cleanUp();
  maker.close();
});

const ask = async (pem: string) => {
  const agent = new Agent({ connect: trustOnly(pem), pipelining: 0 });
  try {
    const { statusCode, body } = await request(`${up.url}/ready`, { dispatcher: agent });
    await body.dump();
    return statusCode;
  } finally {
    await agent.destroy();
  }
};

async function shownBy(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

it('its workers join over TLS, and the commands ask over it', async () => {
  expect(up.url).toMatch(/^https:/);
  expect(await ask(first.cert)).toBe(200);
  const { stdout } = await run(process.execPath, [
    ...[program, 'status', '--controller', up.url, '--controller-ca', files.cert],
  ]);
  expect(stdout).toMatch(/worker_1 +ready/);
  const untrusted = run(process.execPath, [program, 'status', '--controller', up.url]);
  await expect(untrusted).rejects.toThrow(/self-signed certificate.*--controller-ca/);
});

it('shows a renewed certificate after SIGHUP, and keeps the old one where the new one is none', async () => {
  const before = await shownBy(up.url);
  writeFileSync(files.cert, 'no certificate');
  up.child.kill('SIGHUP');
  await eventually(() => expect(up.output()).toContain('could not reload'));
  expect(await shownBy(up.url)).toBe(before);

  install(second);
  up.child.kill('SIGHUP');
  await eventually(async () => expect(await shownBy(up.url)).not.toBe(before));
  expect(await ask(second.cert)).toBe(200);
  expect(up.output()).not.toContain('process died');
});

it.each([
  [['--tls-cert', 'x.pem'], '--tls-cert: give its --tls-key, too'],
  [['--tls-key', 'x.pem'], '--tls-key: give its --tls-cert, too'],
  [['--tls-cert', '/nowhere/x.pem', '--tls-key', '/nowhere/y.pem'], '/nowhere/x.pem cannot be read (ENOENT)'],
])('is explained where it cannot: %j', async (args, message) => {
  const started = run(process.execPath, [program, 'up', ...args], { cwd: maker.folder });
  await expect(started).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(message) as string,
  });
});

it('is explained where key and certificate do not belong together', async () => {
  const args = ['--tls-cert', first.certFile, '--tls-key', second.keyFile];
  await expect(
    run(process.execPath, [program, 'controller', ...args], { cwd: maker.folder }),
  ).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/they cannot be used \(.*key values mismatch/) as string,
  });
});
