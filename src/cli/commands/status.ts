import { request } from 'undici';
import type { Settings } from '../../config/config.js';
import { ClusterStatus } from '../../protocol/clusterStatus.js';
import { formatTable } from '../table.js';
import { printLine } from '../terminal.js';

const timeoutMs = 5_000;

/** `ai-cluster status`: the nodes of a running cluster as a table. Fails where no controller answers. */
export async function printStatus(settings: Settings): Promise<void> {
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  const url = settings.controllerUrl ?? `http://${host}:${settings.port}`;
  const status = await fetchStatus(url);
  printLine(
    `${url}: ${status.status}, up ${status.uptimeSeconds} s, ${status.queue.waiting} waiting, ` +
      `${status.totals.requests} requests (${status.totals.errors} errors), ${status.totals.tokensPerSecond.toFixed(1)} tokens/s`,
  );
  const rows = status.nodes.map((node) => [
    node.id,
    node.state,
    node.status,
    `${node.slots.busy}/${node.slots.total}`,
    node.tokensPerSecond.toFixed(1),
    node.url ?? '-',
    node.models.join(', '),
  ]);
  printLine(formatTable(['NODE', 'STATE', 'STATUS', 'SLOTS', 'TOKENS/S', 'URL', 'MODELS'], rows));
}

async function fetchStatus(url: string): Promise<ClusterStatus> {
  try {
    const { statusCode, body } = await request(`${url}/cluster/status`, {
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    if (statusCode !== 200) throw new Error(`it answered with status ${statusCode}`);
    return ClusterStatus.parse(await body.json());
  } catch (error) {
    const reason =
      error instanceof Error ? error.message || (error as { code?: string }).code : String(error);
    throw new Error(`no controller answers at ${url} (${reason}); start one with: ai-cluster up`, {
      cause: error,
    });
  }
}
