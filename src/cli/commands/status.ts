import type { Settings } from '../../config/config.js';
import { ClusterStatus } from '../../protocol/clusterStatus.js';
import { askController, controllerUrlOf } from '../askController.js';
import { formatTable } from '../table.js';
import { countOf, printLine } from '../terminal.js';

/** `ai-cluster status`: the nodes of a running cluster as a table. Fails where no controller answers. */
export async function printStatus(settings: Settings): Promise<void> {
  const url = controllerUrlOf(settings);
  const status = await askController(url, ClusterStatus, { path: '/cluster/status' });
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
