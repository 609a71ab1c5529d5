import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { openSse } from '../../support/sseStream.js';
import { startTestCluster } from '../../support/testCluster.js';
import { createTokenGate } from '../../support/tokenGate.js';
import { answer } from '../../support/workerScripts.js';

/** Sends bytes as they are, and reads until the server closes. */
async function exchange(url: string, bytes: string): Promise<{ head: string; body: string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  return { head, body };
}

describe('what Node cannot read', () => {
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['a header without a name', 'GET /health HTTP/1.1\r\n: x\r\n\r\n', 400],
    ['two lengths', 'POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['headers of 20 kB', `GET /health HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a URL of 20 kB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  ])('is answered in JSON: %s', async (_name, bytes, status) => {
    const { url } = await startTestCluster();
    const { head, body } = await exchange(url, bytes);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} \\w`));
    expect(head).toContain('Content-Type: application/json');
    expect(JSON.parse(body)).toEqual({
      error: {
        message: expect.any(String) as string,
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
    });
  });

  it('is answered without a body where the method is HEAD', async () => {
    const { url } = await startTestCluster();
    const { head, body } = await exchange(url, `HEAD /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(head).toMatch(/^HTTP\/1.1 414 /);
    expect(body).toBe('');
  });

  it('does not write into an answer that has begun', async () => {
    const gate = createTokenGate();
    const { url, workers } = await startTestCluster({
      workers: [{ script: answer(['a', 'b'], { gate, tokensBeforeGate: 1 }) }],
    });
    const messages = [{ role: 'user', content: 'Hi' }];
    const body = JSON.stringify({ model: 'test-model', messages, stream: true });
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(head + body);
    let received = '';
    for await (const chunk of socket) {
      received += String(chunk);
      if (received.includes('"content":"a"') && socket.writable) socket.write('no HTTP\r\n\r\n');
    }
    expect(received).toContain('"content":"a"');
    expect(received.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(workers[0]?.requests).toHaveLength(1);
  });
});

it('ignores an expectation that it does not know', async () => {
  const { url } = await startTestCluster();
  const request = 'GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\nConnection: close\r\n\r\n';
  expect((await exchange(url, request)).head).toMatch(/^HTTP\/1.1 200 OK/);
});

it('runs many choices without a warning of a leak', async () => {
  const { url } = await startTestCluster({ workers: [{ slots: 16 }] });
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  const messages = [{ role: 'user', content: 'Hi' }];
  const stream = await openSse(`${url}/v1/chat/completions`, {
    model: 'test-model',
    messages,
    n: 16,
    stream: true,
  });
  await stream.rest();
  // Warnings are told on the next tick.
  await new Promise(setImmediate);
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
