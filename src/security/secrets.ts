import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether both are the same, in a time that tells neither where they differ nor how long they are. */
export function equalSecrets(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Whether an `Authorization` header carries this secret behind `Bearer`. */
export function isBearerOf(authorization: string | undefined, secret: string): boolean {
  const given = bearerOf(authorization);
  return given !== undefined && equalSecrets(given, secret);
}

/** What an `Authorization` header carries behind `Bearer`; undefined where it is none of that kind. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S.*)$/i.exec(authorization ?? '')?.[1]?.trimEnd();
}

/** The password of basic authorization; undefined where there is none. */
export function basicPasswordOf(authorization: string | undefined): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : text.slice(colon + 1);
}
