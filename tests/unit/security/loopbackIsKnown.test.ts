import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { isFromThisMachine, isLoopbackHost } from '../../../src/security/loopback.js';

describe('a host that only this machine reaches', () => {
  it.each([
    ...['localhost', '127.0.0.1', '127.255.255.255', '::ffff:127.0.0.1'],
    ...['::1', '[::1]', '0:0:0:0:0:0:0:1'],
  ])('is %s', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each([
    ...['', '0.0.0.0', '::', '[::]', '128.0.0.1', '1127.0.0.1', '::ffff:10.0.0.1'],
    ...['127.0.0.1.example.com', 'localhost.example.com', '[localhost'],
  ])('is not %j', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

describe('who asks', () => {
  const ask = (remoteAddress: string, headers: IncomingMessage['headers']) =>
    isFromThisMachine({ socket: { remoteAddress }, headers } as IncomingMessage);

  it.each([
    ['127.0.0.1', 'localhost:8080'],
    ['::1', '[::1]:8080'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
  ])('is a program on this machine from %s to %s', (address, host) => {
    expect(ask(address, { host })).toBe(true);
  });

  it.each([
    ['from another machine', '10.0.0.9', { host: 'localhost' }],
    ['with a name that a page gave to this machine', '127.0.0.1', { host: 'evil.example' }],
    ['without a name', '127.0.0.1', {}],
    ['with no name at all', '127.0.0.1', { host: 'a b' }],
    ['through a proxy', '127.0.0.1', { host: 'localhost', 'x-forwarded-for': '10.0.0.9' }],
  ])('is not known to be one %s', (_how, address, headers) => {
    expect(ask(address, headers)).toBe(false);
  });
});
