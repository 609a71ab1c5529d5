import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigError, type Settings } from '../config/config.js';
import { trustOnly } from '../security/trustedCertificates.js';

/** What a controller shows and how it proves that it may: texts in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * The certificate of the controller, read anew.
 *
 * @throws ConfigError where one is missing, or they cannot be read or do not belong together.
 */
export function readCertificate(settings: Pick<Settings, 'tlsCert' | 'tlsKey'>): Certificate | undefined {
  const { tlsCert, tlsKey } = settings;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined) throw new ConfigError(['--tls-key: give its --tls-cert, too']);
  if (tlsKey === undefined) throw new ConfigError(['--tls-cert: give its --tls-key, too']);
  const certificate = { cert: read('--tls-cert', tlsCert), key: read('--tls-key', tlsKey) };
  try {
    createSecureContext(certificate);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`--tls-cert ${tlsCert}, --tls-key ${tlsKey}: they cannot be used (${reason})`]);
  }
  return certificate;
}

/**
 * Reads the certificates that a controller is known by, whenever they are needed: they may be renewed.
 *
 * @throws ConfigError where the file has none now, or the controller speaks plain http.
 */
export function toCaReader({
  controllerCa: file,
  controllerUrl,
}: Pick<Settings, 'controllerCa' | 'controllerUrl'>): (() => string) | undefined {
  if (file === undefined) return undefined;
  if (!controllerUrl?.startsWith('https:'))
    throw new ConfigError(['--controller-ca: it is for a --controller of https://']);
  const readCa = () => read('--controller-ca', file);
  try {
    trustOnly(readCa());
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`--controller-ca: ${file} cannot be used: ${String((error as Error).message)}`]);
  }
  return readCa;
}

function read(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`${flag}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`]);
  }
}
