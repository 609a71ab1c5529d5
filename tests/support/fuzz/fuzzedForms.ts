import fc, { type Arbitrary } from 'fast-check';
import { toRequest, type FuzzedRequest } from './fuzzedRequest.js';

/** `POST /v1/files`: forms that are right, and forms that are broken in the middle. */

const path = '/v1/files';
const boundary = 'fuzzed-boundary';
const typeOf = (value: string) => ({ 'content-type': value });
const multipart = typeOf(`multipart/form-data; boundary=${boundary}`);

/** Latin1 text, whose characters are the bytes. */
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString('latin1'));
const asBytes = (text: string) => Buffer.from(text).toString('latin1');

const part = (disposition: string, content: string, more = '') =>
  `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n${more}\r\n${content}\r\n`;
const field = (name: string, value: string) => part(`name="${name}"`, asBytes(value));
const filePart = (filename: string, content: string) =>
  part(`name="file"; filename="${asBytes(filename)}"`, content, 'content-type: application/octet-stream\r\n');
const end = `--${boundary}--\r\n`;

const toForm = (parts: readonly string[], rest: Partial<FuzzedRequest> = {}): FuzzedRequest =>
  toRequest(path, undefined, { headers: multipart, body: Buffer.from(parts.join(''), 'latin1'), ...rest });

const purpose = fc.constantFrom('assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals');
/** As the official clients escape it. */
const filename = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .map((name) => name.replaceAll(/["\\\r\n\0]/g, '%22'));
const expiry = fc.option(
  fc
    .integer({ min: 3600, max: 2_592_000 })
    .map((seconds) => [
      field('expires_after[anchor]', 'created_at'),
      field('expires_after[seconds]', String(seconds)),
    ]),
);
const rightParts = fc
  .tuple(purpose, expiry, filename, bytes)
  .map(([name, expires, file, content]) => [
    field('purpose', name),
    ...(expires ?? []),
    filePart(file, content),
  ]);

/** Forms that are taken. */
export const validForm: Arbitrary<FuzzedRequest> = rightParts.map((parts) =>
  toForm([...parts, end], { isValid: true }),
);

const oddPart = fc.oneof(
  fc
    .tuple(fc.string({ unit: 'binary', maxLength: 30 }), bytes)
    .map(([name, value]) => field(asBytes(name), value)),
  fc.constantFrom(
    field('purpose', 'nope'),
    field('__proto__', 'x'),
    field('expires_after[seconds]', '1e9'),
    field('expires_after[anchor]', 'last_active_at'),
    field('expires_after[__proto__]', '1'),
    field('purpose', 'x'.repeat(10_000)),
    part('name="file"', 'a field'),
    part('', 'no name'),
    filePart('', ''),
    filePart('../../etc/passwd', 'a'),
    filePart('second', 'b'),
    `--${boundary}\r\n\r\nno headers\r\n`,
    `--${boundary}\r\n${'x-long: a\r\n'.repeat(500)}\r\n`,
    `--${boundary}\r\ncontent-disposition: attachment; filename="a"\r\n\r\nx\r\n`,
    part('name="file"; filename="a"', 'x', 'content-transfer-encoding: base64\r\n'),
    field('a', 'b').repeat(100),
  ),
  bytes,
);

/** One part more, one less, cut off anywhere, or under another name than its own. */
export const damagedForm: Arbitrary<FuzzedRequest> = fc.oneof(
  fc
    .tuple(rightParts, oddPart, fc.nat(4))
    .map(([parts, odd, at]) => toForm([...parts.slice(0, at), odd, ...parts.slice(at), end])),
  fc.tuple(rightParts, fc.nat(3)).map(([parts, at]) => toForm([...parts.toSpliced(at, 1), end])),
  fc.tuple(rightParts, fc.nat(600)).map(([parts, length]) => toForm([parts.join('').slice(0, length)])),
  fc
    .tuple(
      rightParts,
      fc.constantFrom(
        'multipart/form-data',
        'multipart/form-data; boundary=',
        'multipart/form-data; boundary="',
        `multipart/form-data; boundary=${'x'.repeat(300)}`,
        'multipart/form-data; boundary=another',
        `multipart/mixed; boundary=${boundary}`,
        'application/x-www-form-urlencoded',
      ),
    )
    .map(([parts, type]) => toForm([...parts, end], { headers: typeOf(type) })),
);
