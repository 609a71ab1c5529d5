import { Agent } from 'undici';
import type { NodeAddress, WorkerPool } from '../../cluster/workerPool.js';
import type { ControllerEvents } from '../../observability/events.js';
import type { CheckResult } from '../../observability/metrics/labels.js';
import { isShortage } from './upstreamError.js';

export interface ProbeTimings {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** After a failed probe, until the next one. */
  readonly retryMs: number;
}

export const defaultProbeTimings: ProbeTimings = { intervalMs: 2_000, timeoutMs: 1_000, retryMs: 500 };

export interface WorkerProbes {
  close(): Promise<void>;
}

/** Of a probe: far more than a worker says. */
const maxAnswerBytes = 64 * 1024;
/** How often it is looked which probes are due. */
const lookEveryMs = 100;

/** `ok`: an answer of a worker, ready or not; undefined where the probe could not be sent at all. */
export type Probe = (url: string, timeoutMs: number) => Promise<CheckResult | undefined>;

export type HttpProbe = Probe & { close(): Promise<void> };

/**
 * Asks every worker that is there for its `/health`, at its own time: a worker whose heartbeats come may still not
 * answer. The first probe of a process comes within an interval, so that workers are not asked all at once.
 */
export function startWorkerProbes(
  pool: Pick<WorkerPool, 'probeTargets' | 'probed'>,
  { intervalMs, timeoutMs, retryMs }: ProbeTimings,
  probe: HttpProbe,
  events: Pick<ControllerEvents, 'nodeProbed'>,
): WorkerProbes {
  /** By instance: a new process begins anew. */
  const dueAtMs = new Map<string, number>();
  const running = new Set<string>();

  function look(): void {
    const targets = pool.probeTargets();
    const known = new Set(targets.map(({ instanceId }) => instanceId));
    for (const instanceId of dueAtMs.keys()) if (!known.has(instanceId)) dueAtMs.delete(instanceId);
    for (const target of targets) {
      const now = performance.now();
      const dueAt = dueAtMs.get(target.instanceId) ?? now + Math.random() * intervalMs;
      dueAtMs.set(target.instanceId, dueAt);
      if (now >= dueAt && !running.has(target.instanceId)) void run(target);
    }
  }

  async function run({ nodeId, instanceId, url }: NodeAddress): Promise<void> {
    running.add(instanceId);
    const startedAtMs = performance.now();
    const result = await probe(url, timeoutMs);
    running.delete(instanceId);
    if (!dueAtMs.has(instanceId)) return;
    if (result) events.nodeProbed({ nodeId, result, ms: performance.now() - startedAtMs });
    const hasPassed = result === 'ok';
    // Between three quarters and five quarters of the interval.
    const waitMs = hasPassed || result === undefined ? intervalMs * (0.75 + Math.random() / 2) : retryMs;
    dueAtMs.set(instanceId, performance.now() + waitMs);
    if (result) pool.probed(nodeId, instanceId, hasPassed);
  }

  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  return {
    close: () => {
      clearInterval(timer);
      dueAtMs.clear();
      return probe.close();
    },
  };
}

/** Each probe has a connection of its own: those of the requests may all be busy, and an old one proves little. */
export function createHttpProbe(clusterToken: string): HttpProbe {
  const headers = { authorization: `Bearer ${clusterToken}` };
  const agent = new Agent({ pipelining: 0, maxResponseSize: maxAnswerBytes });
  const probe: Probe = async (origin, timeoutMs) => {
    try {
      const { statusCode, body } = await agent.request({
        origin,
        path: '/health',
        method: 'GET',
        headers,
        signal: AbortSignal.timeout(timeoutMs),
      });
      // An answer that is too large or has no end is none.
      await body.arrayBuffer();
      // 503 is what a worker says that loads its models or stops: its heartbeats tell which.
      return statusCode === 200 || statusCode === 503 ? 'ok' : 'fail';
    } catch (error) {
      if (isShortage(error)) return undefined;
      return error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'fail';
    }
  };
  return Object.assign(probe, { close: () => agent.destroy() });
}
