import { isIP } from 'node:net';
import type { RequestHandler } from 'express';
import { ApiError } from '../../protocol/apiError.js';

const hostHeader = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i;

/**
 * Answers only under names of this server: addresses, `localhost`, `names`, and what `*.example.com` among them covers.
 * A web page can give a name of its own to this machine (DNS rebinding) and would be of the same origin then; the name
 * in the request is what it cannot hide. 421 is what HTTP has for it: this server does not speak for that name.
 *
 * What has no `host` comes from no browser; what workers call has the token of the cluster.
 */
export function createCheckHost(names: readonly string[]): RequestHandler {
  const known = new Set(['localhost', ...names].map((name) => name.toLowerCase()));
  const suffixes = [...known].filter((name) => name.startsWith('*.')).map((name) => name.slice(1));

  const isKnown = (name: string) =>
    isIP(name.replace(/^\[(.+)\]$/, '$1')) !== 0 ||
    known.has(name) ||
    suffixes.some((suffix) => name.endsWith(suffix) && name.length > suffix.length);

  return function checkHost(req, _res, next) {
    const { host } = req.headers;
    if (host === undefined || req.path.startsWith('/internal/')) return next();
    const name = hostHeader.exec(host)?.[1]?.toLowerCase().replace(/\.$/, '');
    if (name === undefined || !isKnown(name)) throw notKnownAs(name);
    next();
  };
}

function notKnownAs(name: string | undefined): ApiError {
  const who = name === undefined ? 'what the Host header says' : `'${name.slice(0, 255)}'`;
  const message = `This server is not known as ${who}: --allowed-hosts says by which names it may be called.`;
  return new ApiError('host_not_allowed', { message });
}
