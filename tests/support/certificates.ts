import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export interface CertificateMaker {
  readonly folder: string;
  /** One that signs itself, or that `issuer` signs. */
  make(name: string, issuer?: TestCertificate): TestCertificate;
  close(): void;
}

/** Makes certificates with openssl, in a folder of their own. */
export function createCertificateMaker(): CertificateMaker {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-tls-'));
  let count = 0;
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  return {
    folder,
    make: (name, issuer) => {
      const file = (kind: string) => path.join(folder, `${count}.${kind}.pem`);
      count++;
      const isAddress = /^[\d.:]+$/.test(name);
      const names = `subjectAltName=${isAddress ? 'IP' : 'DNS'}:${name}`;
      const [certFile, keyFile] = [file('cert'), file('key')];
      const newKey = [
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-keyout',
        keyFile,
      ];
      const signer = issuer ? ['-CA', issuer.certFile, '-CAkey', issuer.keyFile] : [];
      openssl(
        ...['req', '-x509', ...newKey, '-out', certFile, '-days', '2', '-subj', `/CN=test ${count}`],
        ...['-addext', names, ...signer],
      );
      const read = (of: string) => readFileSync(of, 'utf8');
      return { certFile, keyFile, cert: read(certFile), key: read(keyFile) };
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}
