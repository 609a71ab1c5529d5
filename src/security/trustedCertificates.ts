import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * How to connect to a server whose certificate is one of `pem`, or comes from an authority that is. One that is itself
 * among them is known by its key and may have any name; of all others the name has to be right.
 *
 * @throws Error where `pem` has no certificate.
 */
export function trustOnly(pem: string): ConnectionOptions {
  const known = (pem.match(certificate) ?? []).map((text) => new X509Certificate(text).fingerprint256);
  if (known.length === 0) throw new Error('there is no certificate (PEM) in it');
  return {
    ca: pem,
    // What is given need not be a root.
    allowPartialTrustChain: true,
    checkServerIdentity: (host, peer) =>
      known.includes(peer.fingerprint256) ? undefined : checkServerIdentity(host, peer),
  };
}

/** Whether a connection failed because the certificate of the other side is not trusted. */
export function isDistrust(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /CERT|ISSUER|SELF_SIGNED|LEAF_SIGNATURE/.test(code);
}
