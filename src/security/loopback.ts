import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** Also of an IPv4 address as a socket of IPv6 has it: `::ffff:127.0.0.1`. */
function isLoopbackAddress(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && loopback.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** Whether only programs on this machine reach what listens there. An address of IPv6 may have the brackets of a URL. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host.replace(/^\[(.+)\]$/, '$1'));
}

/** Of a `Host` header, which may have a port. */
function isLoopbackName(name: string | undefined): boolean {
  return URL.canParse(`http://${name}`) && isLoopbackHost(new URL(`http://${name}`).hostname);
}

/** What a proxy says of the client that it asks for: then the peer is the proxy, wherever the client is. */
const forwardedHeaders = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'] as const;

/**
 * Whether a program on this machine asks. The peer must be on a loopback address and be no proxy; and it must call this
 * server by one, because a web page can give a name of its own to 127.0.0.1.
 */
export function isFromThisMachine({ socket, headers }: IncomingMessage): boolean {
  return (
    isLoopbackAddress(socket.remoteAddress ?? '') &&
    isLoopbackName(headers.host) &&
    forwardedHeaders.every((name) => headers[name] === undefined)
  );
}
