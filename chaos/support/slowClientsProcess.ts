import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

/**
 * Slow clients in a process of their own: a third of them send heads, a third bodies, byte by byte, and a third read
 * the answer to `--path`, which should be large, a little at a time. Whoever is cut off comes back. Prints `open` when
 * all are connected.
 */
const { values: flags } = parseArgs({
  options: {
    url: { type: 'string', default: '' },
    path: { type: 'string', default: '/openapi.json' },
    count: { type: 'string', default: '1000' },
  },
});
const { hostname, port } = new URL(flags.url);
const count = Number(flags.count);

const intervalMs = 1_000;
const readBytes = 1_024;
const comeBackMs = 100;

const host = `Host: ${hostname}\r\n`;
const head = `GET /health HTTP/1.1\r\n${host}${'X-Slow: yes\r\n'.repeat(50)}`;
const bodyHead = `POST /v1/chat/completions HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`;
const reading = `GET ${flags.path} HTTP/1.1\r\n${host}\r\n`;

type Step = (socket: Socket) => void;

/** What a kind of client does when it is connected; what it returns, it does once a second. */
const kinds: readonly ((socket: Socket) => Step)[] = [
  () => {
    let sent = 0;
    return (socket) => socket.write(head.charAt(sent++ % head.length));
  },
  (socket) => {
    socket.write(bodyHead);
    return () => socket.write('x');
  },
  (socket) => {
    socket.pause().write(reading);
    return () => void socket.read(readBytes);
  },
];

let connected = 0;

function open(index: number): void {
  const begin = kinds[index % kinds.length];
  const socket = connect({ port: Number(port), host: hostname });
  let timer: NodeJS.Timeout | undefined;
  socket.once('connect', () => {
    if (++connected === count) console.log('open');
    const step = begin?.(socket);
    timer = setInterval(() => step?.(socket), intervalMs);
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    clearInterval(timer);
    setTimeout(() => open(index), comeBackMs);
  });
  // What is left of an answer to the slow ones that send.
  if (index % kinds.length !== 2) socket.resume();
}

// Not all in the same moment.
for (let index = 0; index < count; index++) setTimeout(() => open(index), index);
