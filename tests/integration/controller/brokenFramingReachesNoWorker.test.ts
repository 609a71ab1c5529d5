import { afterAll, beforeAll, expect, it } from 'vitest';
import { clusterAuthorization } from '../../support/clusterToken.js';
import { exchange } from '../../support/rawHttp.js';
import { startLiveCluster, scriptedModel, type LiveCluster } from '../../support/liveCluster.js';
import { startTinyWorker, type TinyWorker } from '../../support/tinyWorker.js';
import { answer } from '../../support/workerScripts.js';

/** Of what client and server may read differently, which is how requests are smuggled (reliability: framing). */

const toBody = (text: string) =>
  JSON.stringify({ model: scriptedModel, messages: [{ role: 'user', content: text }] });
const body = toBody('asked');
const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const type = 'Content-Type: application/json';
const host = 'Host: localhost';
const length = `Content-Length: ${body.length}`;
const close = 'Connection: close';
const path = '/v1/chat/completions';

const request = (headers: readonly string[], content = body, target = path) =>
  [`POST ${target} HTTP/1.1`, ...headers, '', content].join('\r\n');

/** What would run if the end of the request before it were taken for another one. */
const smuggled = request(
  [host, type, `Content-Length: ${toBody('smuggled').length}`, close],
  toBody('smuggled'),
);

/** [what, the bytes, the statuses that come back, how many requests a worker gets] */
const cases: readonly (readonly [string, string, readonly number[], 0 | 1])[] = [
  [
    'length and chunks',
    request([host, type, length, 'Transfer-Encoding: chunked'], chunked + smuggled),
    [400],
    0,
  ],
  ['two lengths', request([host, type, length, 'Content-Length: 3'], body + smuggled), [400], 0],
  ['the same length twice', request([host, type, length, length], body + smuggled), [400], 0],
  ['a list of lengths', request([host, type, `${length}, ${body.length}`], body + smuggled), [400], 0],
  ['a space before the colon', request([host, type, length.replace(':', ' :')], body + smuggled), [400], 0],
  ['a space before the length', request([host, type, ` ${length}`], body + smuggled), [400], 0],
  ['a space before the first header', request([` ${length}`, host, type], body + smuggled), [400], 0],
  ['a folded header', request([host, type, 'X-A: b\r\n c', length], body + smuggled), [400], 0],
  ['bare line feeds', request([host, type, length, close]).replaceAll('\r\n', '\n'), [400], 0],
  ['a bare carriage return', request([host, type, `X-A: b\rX-B: c`, length], body + smuggled), [400], 0],
  ['a NUL', request([host, type, 'X-A: b\0c', length], body + smuggled), [400], 0],
  ['no host', request([type, length], body + smuggled), [400], 0],
  [
    'chunks of another name',
    request([host, type, 'Transfer-Encoding: xchunked'], chunked + smuggled),
    [400],
    0,
  ],
  [
    'chunks and more',
    request([host, type, 'Transfer-Encoding: chunked, identity'], chunked + smuggled),
    [400],
    0,
  ],
  [
    'chunks twice',
    request([host, type, 'Transfer-Encoding: chunked', 'Transfer-Encoding: x'], chunked),
    [400],
    0,
  ],
  ['a length below zero', request([host, type, 'Content-Length: -1'], body + smuggled), [400], 0],
  [
    'a length with a sign',
    request([host, type, `Content-Length: +${body.length}`], body + smuggled),
    [400],
    0,
  ],
  ['a length in hexadecimal', request([host, type, 'Content-Length: 0x5'], body + smuggled), [400], 0],
  [
    'a chunk whose size is no number',
    request([host, type, 'Transfer-Encoding: chunked'], chunked.replace(/^/, '0x') + smuggled),
    [400],
    0,
  ],
  [
    'a chunk that is longer than it says',
    request([host, type, 'Transfer-Encoding: chunked'], chunked.replace(/^\w+/, '5') + smuggled),
    [400],
    0,
  ],
  [
    'headers of 17 kB',
    request([host, type, `X-A: ${'x'.repeat(17_000)}`, length], body + smuggled),
    [431],
    0,
  ],
  ['an absolute URL', request([host, type, length, close], body, `http://127.0.0.1:1${path}`), [200], 1],
  [
    'an absolute URL of another host',
    request([host, type, length, close], body, `http://evil.example${path}`),
    [200],
    1,
  ],
  ['nothing wrong', request([host, type, length, close]), [200], 1],
  ['chunks alone', request([host, type, 'Transfer-Encoding: chunked', close], chunked), [200], 1],
];

let cluster: LiveCluster;
beforeAll(async () => {
  cluster = await startLiveCluster({ script: answer(['ok']), tiny: false });
});
afterAll(() => cluster.close());

it.each(cases)('%s', async (_what, bytes, statuses, upstream) => {
  const before = cluster.scripted.requests.length;
  const received = await exchange(cluster.url, bytes);
  expect(received.statuses).toEqual(statuses);
  const asked = cluster.scripted.requests.slice(before);
  expect(asked).toHaveLength(upstream);
  expect(JSON.stringify(asked)).not.toContain('smuggled');
});

it('a worker reads no more into them than the controller', async () => {
  const worker: TinyWorker = await startTinyWorker();
  try {
    const authorization = `Authorization: ${clusterAuthorization.authorization}`;
    for (const [what, bytes, statuses] of cases) {
      const toWorker = bytes
        .replaceAll(path, '/internal/v1/tokenize')
        .replaceAll('\r\nContent-Type', `\r\n${authorization}\r\nContent-Type`);
      const received = await exchange(worker.url, toWorker);
      // What is well framed is no request of the worker's protocol; the rest is not even read.
      const expected = statuses[0] === 200 ? [400] : statuses;
      expect([what, received.statuses]).toEqual([what, expected]);
      if (statuses[0] !== 200) expect(received.text).not.toContain('invalid_request');
    }
  } finally {
    await worker.close();
  }
});
