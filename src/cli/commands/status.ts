import { request } from 'undici';
import type { Settings } from '../../config/config.js';
import { ClusterStatus } from '../../protocol/clusterStatus.js';
import { formatTable } from '../table.js';
import { countOf, printLine } from '../terminal.js';

const timeoutMs = 5_000;

/** `ai-cluster status`: the nodes of a running cluster as a table. Fails where no controller answers. */
export async function printStatus(settings: Settings): Promise<void> {
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  const url = settings.controllerUrl ?? `http://${host}:${settings.port}`;
  const status = await fetchStatus(url);
  printLine(
    `${url}: ${status.status}, up ${status.uptimeSeconds} s, ${status.queue.waiting} waiting, ` +
      `${countOf(status.totals.requests, 'request')} (${countOf(status.totals.errors, 'error')}), ${status.totals.tokensPerSecond.toFixed(1)} tokens/s`,
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
  const { statusCode, text } = await ask(`${url}/cluster/status`).catch((error: unknown) => {
    const reason =
      error instanceof Error ? error.message || (error as { code?: string }).code : String(error);
    throw new Error(`no controller answers at ${url} (${reason}); start one with: ai-cluster up`, {
      cause: error,
    });
  });
  try {
    return ClusterStatus.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(
      `what answers at ${url} is no controller (status ${statusCode}): a worker, or another program?`,
      { cause },
    );
  }
}

async function ask(url: string): Promise<{ statusCode: number; text: string }> {
  const { statusCode, body } = await request(url, { headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
  return { statusCode, text: await body.text() };
}
