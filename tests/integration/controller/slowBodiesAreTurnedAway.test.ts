import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { startTestCluster, testControllerOptions } from '../../support/testCluster.js';

const minuteMs = 60_000;
const part = 'x'.repeat(20_000);
const closing = '\r\n--cut\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nevals\r\n--cut--';
const opening = '--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n';

/** A controller whose minutes pass when the test says so. */
async function startWithClock() {
  const { dataDir } = testControllerOptions;
  const cluster = await startTestCluster({ controller: { dataDir } });
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const folder = path.join(dataDir, 'files');
  const stored = () => readdirSync(folder).map((name) => statSync(path.join(folder, name)).size);
  return { ...cluster, stored };
}

/** Sends the head of a request; what comes back is in `answer`. */
async function begin(url: string, path: string, headers: Record<string, string>) {
  const { hostname, port } = new URL(url);
  // It would stay for ever: only the server ends the connection.
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const all = Object.entries({ host: hostname, expect: '100-continue', ...headers });
  const lines = all.map(([name, value]) => `${name}: ${value}`);
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  const answer = { text: '', isClosed: false };
  socket.setEncoding('utf8').on('data', (text: string) => (answer.text += text));
  socket.on('close', () => (answer.isClosed = true)).on('error', () => undefined);
  // From here on the server waits for the body.
  await eventually(() => expect(answer.text).toBe('HTTP/1.1 100 Continue\r\n\r\n'));
  answer.text = '';
  return { socket, answer };
}

/** Who still writes learns that nobody listens. */
async function untilClosed(socket: Socket, answer: { isClosed: boolean }): Promise<void> {
  await eventually(() => {
    socket.write('x');
    expect(answer.isClosed).toBe(true);
  });
}

function beginUpload(url: string, parts: number) {
  const bytes = opening.length + parts * part.length + closing.length;
  return begin(url, '/v1/files', {
    'content-type': 'multipart/form-data; boundary=cut',
    'content-length': String(bytes),
    connection: 'close',
  });
}

async function sendParts(socket: Socket, stored: () => number[], count: number): Promise<void> {
  for (let sent = 1; sent <= count; sent++) {
    socket.write(sent === 1 ? opening + part : part);
    // The parser keeps what could be the beginning of the end.
    await eventually(() => expect(stored()[0]).toBeGreaterThan(sent * part.length - 100));
    await vi.advanceTimersByTimeAsync(minuteMs);
  }
}

it('an upload may take many minutes as long as it moves', async () => {
  const { url, stored } = await startWithClock();
  const { socket, answer } = await beginUpload(url, 10);
  await sendParts(socket, stored, 10);
  socket.write(closing);
  await eventually(() => expect(answer.text).toContain('HTTP/1.1 200 OK'));
  expect(stored()).toEqual([10 * part.length]);
});

it('an upload that stalls is answered, cut and leaves nothing', async () => {
  const { url, stored } = await startWithClock();
  const { socket, answer } = await beginUpload(url, 10);
  await sendParts(socket, stored, 3);
  expect(answer).toEqual({ text: '', isClosed: false });
  // A byte now and then does not help.
  socket.write('x');
  await vi.advanceTimersByTimeAsync(minuteMs);
  await eventually(() => expect(answer.text).toMatch(/^HTTP\/1.1 408 [^]*"type":"invalid_request_error"/));
  await untilClosed(socket, answer);
  await eventually(() => expect(stored()).toEqual([]));
});

it('so is a JSON body, with a length or in chunks', async () => {
  const { url } = await startWithClock();
  const framings: Record<string, string>[] = [
    { 'content-length': '1000' },
    { 'transfer-encoding': 'chunked' },
  ];
  for (const framing of framings) {
    const headers = { 'content-type': 'application/json', ...framing };
    const { socket, answer } = await begin(url, '/v1/chat/completions', headers);
    socket.write('content-length' in framing ? '{"model":' : '9\r\n{"model":\r\n');
    await vi.advanceTimersByTimeAsync(minuteMs - 1000);
    expect(answer).toEqual({ text: '', isClosed: false });
    await vi.advanceTimersByTimeAsync(1000);
    await eventually(() => expect(answer.text).toMatch(/^HTTP\/1.1 408 /));
    await untilClosed(socket, answer);
  }
});
