import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestCertificate } from './certificates.js';
import { eventually } from './eventually.js';
import { findFreePort } from './freePort.js';

const example = fileURLToPath(new URL('../../deploy/nginx/ai-cluster.conf', import.meta.url));
const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'];

/** Undefined where it is not installed. */
export const nginxProgram = folders
  .map((folder) => path.join(folder, 'nginx'))
  .find((file) => existsSync(file));

export interface Nginx {
  readonly httpsPort: number;
  readonly httpPort: number;
  accessLog(): string;
  close(): Promise<void>;
}

/** The example of `deploy/nginx` as it stands, with the ports, files and names of this test. */
export async function startNginx(controllerUrl: string, certificate: TestCertificate): Promise<Nginx> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-nginx-'));
  const [httpsPort, httpPort] = [await findFreePort(), await findFreePort()];
  const accessLog = path.join(folder, 'access.log');
  const errorLog = path.join(folder, 'error.log');
  const replacements: readonly (readonly [string, string])[] = [
    ['server 127.0.0.1:8080;', `server ${new URL(controllerUrl).host};`],
    ['listen 443 ssl;', `listen 127.0.0.1:${httpsPort} ssl;`],
    ['listen 80;', `listen 127.0.0.1:${httpPort};`],
    ['/etc/ssl/certs/ai.example.com.pem', certificate.certFile],
    ['/etc/ssl/private/ai.example.com.key', certificate.keyFile],
    ['/var/log/nginx/ai-cluster.log', accessLog],
  ];
  let site = readFileSync(example, 'utf8');
  for (const [from, to] of replacements) {
    if (!site.includes(from)) throw new Error(`the example has no '${from}' any more`);
    site = site.replace(from, to);
  }
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n');
  const file = path.join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off;\nworker_processes 1;\npid ${folder}/pid;\nevents {}\nhttp {\n${temporary}\n${site}\n}\n`,
  );
  const child = spawn(nginxProgram ?? 'nginx', ['-c', file, '-p', folder, '-e', errorLog], {
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  const close = async () => {
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true });
  };
  try {
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(readFileSync(errorLog, 'utf8'));
        await fetch(`http://127.0.0.1:${httpPort}/`, { redirect: 'manual' });
      },
      { timeout: 10_000 },
    );
  } catch (error) {
    await close();
    throw error;
  }
  return { httpsPort, httpPort, accessLog: () => readFileSync(accessLog, 'utf8'), close };
}
