import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** For the last words to arrive. */
export const goodbyeMs = 500;

/**
 * Lets answers that are at their end go out, and cuts the others, and connections that no request came on: Node does not
 * count those as idle.
 */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  const sweep = setInterval(() => server.closeIdleConnections(), 10);
  const timer = new AbortController();
  await Promise.race([closed, delay(goodbyeMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
  clearInterval(sweep);
  server.closeAllConnections();
  await closed;
}
