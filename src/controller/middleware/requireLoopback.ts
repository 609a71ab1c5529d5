import { BlockList, isIP } from 'node:net';
import type { RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** Also of an IPv4 address as a socket of IPv6 has it: `::ffff:127.0.0.1`. */
function isLoopbackAddress(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && loopback.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

function isLoopbackName(host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false;
  const name = new URL(`http://${host}`).hostname.replace(/^\[(.+)\]$/, '$1');
  return name === 'localhost' || isLoopbackAddress(name);
}

/**
 * For what only the operator of this machine may do, as long as there are no credentials. The peer must be on a
 * loopback address; and it must call this server by one, because a web page can give a name of its own to 127.0.0.1.
 */
export const requireLoopback: RequestHandler = (req, _res, next) => {
  const isLocal = isLoopbackAddress(req.socket.remoteAddress ?? '') && isLoopbackName(req.get('host'));
  if (!isLocal) throw new ApiError('loopback_only');
  next();
};
