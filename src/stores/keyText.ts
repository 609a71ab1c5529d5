import { hash, randomBytes, randomInt } from 'node:crypto';

/** What a client sends: the id of its key, and the secret. */
export interface KeyText {
  readonly id: string;
  readonly secret: string;
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const idLetters = 10;
const secretBytes = 32;
const pattern = /^(sk-[a-z0-9]{10})-([A-Za-z0-9_-]{43})$/;

/** `sk-` and ten letters or digits: 51 bits, so that no two keys meet. */
export function mintKeyId(): string {
  return `sk-${Array.from({ length: idLetters }, () => letters.charAt(randomInt(letters.length))).join('')}`;
}

/** 256 bits, which nobody can guess. */
export function mintSecret(): string {
  return randomBytes(secretBytes).toString('base64url');
}

export function formatKeyText({ id, secret }: KeyText): string {
  return `${id}-${secret}`;
}

/** Undefined where it is no text of a key. */
export function parseKeyText(text: string): KeyText | undefined {
  const [, id, secret] = pattern.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** SHA-256: a secret of 256 bits cannot be found by trying, so that a slow hash would protect nothing. */
export function digestOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
