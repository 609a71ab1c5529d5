import { lookup as lookUpName } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiError } from '../../protocol/apiError.js';
import type { Networks } from '../../security/networks.js';

/** The addresses of a name. */
export type LookUp = (name: string) => Promise<readonly string[]>;

/** From what a worker says of itself to where it is called: `http://<address>:<port>`. */
export type ResolveWorker = (advertisedUrl: string) => Promise<string>;

const lookUpTimeoutMs = 3_000;

/**
 * The URL is parsed once and its name looked up once; what was checked is what is called from then on, so that a name
 * that means something else a moment later leads nowhere. A name with one address that may not be called is refused.
 *
 * @throws ApiError naming the setting.
 */
export function createResolveWorker(networks: Networks, lookUp: LookUp = lookUpAll): ResolveWorker {
  return async function resolveWorker(advertisedUrl) {
    const { hostname, port } = new URL(advertisedUrl);
    const name = hostname.replace(/^\[(.+)\]$/, '$1');
    const addresses = isIP(name) === 0 ? await lookUpInTime(name, lookUp) : [name];
    const [first] = addresses;
    if (first === undefined) throw refuse(`the name '${name}' could not be looked up`);
    for (const address of addresses) {
      const refusal = networks.refusalOf(address);
      if (refusal !== undefined) throw refuse(`${hostname} may not be called (${address}): ${refusal}`);
    }
    return `http://${isIP(first) === 6 ? `[${first}]` : first}:${port || 80}`;
  };
}

function refuse(reason: string): ApiError {
  const message = `This worker may not join: ${reason}. --worker-networks of the controller says where workers may be.`;
  return new ApiError('invalid_value', { message, param: 'url' });
}

async function lookUpInTime(name: string, lookUp: LookUp): Promise<readonly string[]> {
  const timer = new AbortController();
  const tooLate = delay(lookUpTimeoutMs, [], { signal: timer.signal }).catch(() => []);
  try {
    return await Promise.race([lookUp(name).catch(() => []), tooLate]);
  } finally {
    timer.abort();
  }
}

async function lookUpAll(name: string): Promise<readonly string[]> {
  return (await lookUpName(name, { all: true })).map(({ address }) => address);
}
