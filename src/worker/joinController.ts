import { setTimeout as delay } from 'node:timers/promises';
import { buildConnector, Client, type Dispatcher } from 'undici';
import type { Logger } from '../observability/logger.js';
import { ErrorBody } from '../protocol/apiError.js';
import type { HeldPrefix } from '../protocol/prefix.js';
import { isDistrust, trustOnly } from '../security/trustedCertificates.js';
import { createPrefixReports } from './prefixReports.js';
import {
  heartbeatIntervalMs,
  internalPaths,
  type JoinRequest,
  type NodeReport,
} from '../protocol/workerApi.js';

export interface JoinOptions {
  readonly controllerUrl: string;
  readonly clusterToken: string;
  /** The certificates that an https controller is known by, read for each connection: they may have been renewed. */
  readonly readCa?: (() => string) | undefined;
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
/** Between the joins of a worker that the controller does not want. */
const unwantedIntervalMs = 30_000;

/** Until an operator does something, asking every second would only fill the logs. */
class UnwantedError extends Error {}

const unwantedBecause: Readonly<Record<number, string>> = {
  401: "the controller has another cluster token: give this worker the controller's with --cluster-token-file or AI_CLUSTER_CLUSTER_TOKEN (it is in cluster-token in the controller's --data-dir)",
  403: 'this node was removed from the cluster; `ai-cluster nodes add` lets it join again',
};

/** Of an answer that is no success. */
const maxAnswerBytes = 64 * 1024;

/**
 * Joins the controller and sends a heartbeat every second for as long as the process lives, over one connection that
 * stays open: its end tells the controller that the worker is gone sooner than any time-out could. A controller that
 * does not know the worker (it was restarted) is joined again; one that cannot be reached is tried again, and one that
 * does not want it every half minute.
 */
export function startControllerLink({
  controllerUrl,
  clusterToken,
  readCa,
  identity,
  report,
  heldPrefixes = () => undefined,
  logger,
}: JoinOptions): ControllerLink {
  const client = new Client(controllerUrl, {
    headersTimeout: callTimeoutMs,
    bodyTimeout: callTimeoutMs,
    maxResponseSize: maxAnswerBytes,
    ...(readCa && { connect: createConnector(readCa) }),
  });
  const prefixReports = createPrefixReports(heldPrefixes);
  let wake = new AbortController();
  let announced: (() => void)[] = [];
  let isClosing = false;
  /** `missed`: it was there a moment ago, and may only have been started again, or stop with all others. */
  let state: 'unknown' | 'joined' | 'missed' | 'lost' | 'unwanted' = 'unknown';

  async function post(path: string, body: unknown): Promise<number> {
    const response = await client.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${clusterToken}` },
      body: JSON.stringify(body),
    });
    const { statusCode, body: answer } = response;
    const unwanted =
      unwantedBecause[statusCode] ?? (statusCode === 400 ? await readMessage(answer) : undefined);
    if (unwanted !== undefined) throw new UnwantedError(unwanted);
    await answer.dump();
    return statusCode;
  }

  async function beat(): Promise<void> {
    if (state === 'joined') {
      const { nodeId, instanceId } = identity;
      const status = await post(internalPaths.heartbeat.replace(':id', nodeId), {
        instanceId,
        report: prefixReports.addTo(report()),
      });
      if (status === 200) return prefixReports.accepted();
      if (status !== 404) throw new Error(`the controller answered the heartbeat with status ${status}`);
    }
    prefixReports.forget();
    const joining = { ...identity, report: prefixReports.addTo(report()) };
    const status = await post(internalPaths.nodes, joining);
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
      // Whoever leaves need not join.
      if (isClosing || report().phase === 'draining') return;
      const next = error instanceof UnwantedError ? 'unwanted' : state === 'joined' ? 'missed' : 'lost';
      const details = { controllerUrl, error: describe(error) };
      if (next === 'missed') logger.info('lost the controller, joining it again', details);
      else if (state !== next) logger.warn('could not join the controller, trying again', details);
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
      const waitMs = state === 'unwanted' ? unwantedIntervalMs : heartbeatIntervalMs;
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

/** What the controller says against this worker: that its address is in no network where workers may be, for one. */
async function readMessage(body: Dispatcher.ResponseData['body']): Promise<string> {
  const parsed = ErrorBody.safeParse(await body.json());
  return parsed.success ? parsed.data.error.message : 'the controller refused the join with status 400';
}

function createConnector(readCa: () => string): buildConnector.connector {
  return (options, callback) => {
    let connector: buildConnector.connector;
    try {
      connector = buildConnector({ ...trustOnly(readCa()), timeout: callTimeoutMs });
    } catch (error) {
      return callback(error as Error, null);
    }
    connector(options, callback);
  };
}

function describe(error: unknown): string {
  const reason = error instanceof Error ? error.message || error.name : String(error);
  return isDistrust(error) ? `${reason}: --controller-ca says which certificates are trusted` : reason;
}
