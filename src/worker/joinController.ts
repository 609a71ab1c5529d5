import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'undici';
import type { Logger } from '../observability/logger.js';
import type { HeldPrefix } from '../protocol/prefix.js';
import { createPrefixReports } from './prefixReports.js';
import {
  heartbeatIntervalMs,
  internalPaths,
  type JoinRequest,
  type NodeReport,
} from '../protocol/workerApi.js';

export interface JoinOptions {
  readonly controllerUrl: string;
  readonly identity: Omit<JoinRequest, 'report'>;
  readonly report: () => NodeReport;
  /** What the caches of a model hold; undefined where it has none. */
  readonly heldPrefixes?: (model: string) => readonly HeldPrefix[] | undefined;
  readonly logger: Logger;
}

export interface ControllerLink {
  /** Tells the controller at once, without waiting for the next heartbeat; resolves when that was tried. */
  announce(): Promise<void>;
  close(): Promise<void>;
}

const callTimeoutMs = 5_000;
/** Between the joins of a worker whose node was removed. */
const removedIntervalMs = 30_000;

/** An operator took this node out: until it is added again, asking every second would only fill the logs. */
class RemovedError extends Error {
  constructor() {
    super('this node was removed from the cluster; `ai-cluster nodes add` lets it join again');
  }
}

/**
 * Joins the controller and sends a heartbeat every second for as long as the process lives, over one connection that
 * stays open: its end tells the controller that the worker is gone sooner than any time-out could. A controller that
 * does not know the worker (it was restarted) is joined again; one that cannot be reached is tried again, and one that
 * has removed this node every half minute.
 */
export function startControllerLink({
  controllerUrl,
  identity,
  report,
  heldPrefixes = () => undefined,
  logger,
}: JoinOptions): ControllerLink {
  const client = new Client(controllerUrl, { headersTimeout: callTimeoutMs, bodyTimeout: callTimeoutMs });
  const prefixReports = createPrefixReports(heldPrefixes);
  let wake = new AbortController();
  let announced: (() => void)[] = [];
  let isClosing = false;
  let state: 'unknown' | 'joined' | 'lost' | 'removed' = 'unknown';

  async function post(path: string, body: unknown): Promise<number> {
    const response = await client.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await response.body.dump();
    return response.statusCode;
  }

  async function beat(): Promise<void> {
    if (state === 'joined') {
      const { nodeId, instanceId } = identity;
      const status = await post(internalPaths.heartbeat.replace(':id', nodeId), {
        instanceId,
        report: prefixReports.addTo(report()),
      });
      if (status === 200) return prefixReports.accepted();
      if (status === 403) throw new RemovedError();
      if (status !== 404) throw new Error(`the controller answered the heartbeat with status ${status}`);
    }
    prefixReports.forget();
    const joining = { ...identity, report: prefixReports.addTo(report()) };
    const status = await post(internalPaths.nodes, joining);
    if (status === 403) throw new RemovedError();
    if (status === 409)
      throw new Error(`another worker is connected as '${identity.nodeId}': give this one its own --node-id`);
    if (status !== 200) throw new Error(`the controller answered the join with status ${status}`);
    logger.info('joined the controller', { controllerUrl });
    state = 'joined';
    prefixReports.accepted();
  }

  async function tryBeat(): Promise<void> {
    try {
      await beat();
    } catch (error) {
      if (isClosing) return;
      const next = error instanceof RemovedError ? 'removed' : 'lost';
      if (state !== next) {
        const reason = error instanceof Error ? error.message || error.name : String(error);
        logger.warn('could not join the controller, trying again', { controllerUrl, error: reason });
      }
      state = next;
    }
  }

  async function run(): Promise<void> {
    while (!isClosing) {
      wake = new AbortController();
      const waiting = announced;
      announced = [];
      await tryBeat();
      for (const resolve of waiting) resolve();
      const waitMs = state === 'removed' ? removedIntervalMs : heartbeatIntervalMs;
      await delay(waitMs, undefined, { signal: wake.signal }).catch(() => undefined);
    }
    for (const resolve of announced) resolve();
  }

  const running = run();
  return {
    announce: () =>
      new Promise((resolve) => {
        announced.push(resolve);
        wake.abort();
      }),
    close: async () => {
      isClosing = true;
      wake.abort();
      await client.destroy();
      await running;
    },
  };
}
