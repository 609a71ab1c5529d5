import type { Settings } from '../../config/config.js';
import { askStatus, controllerUrlOf } from '../askController.js';
import type { Environment } from '../environment.js';
import { formatTable } from '../table.js';
import { countOf, printLine } from '../terminal.js';

/** `ai-cluster status`: the nodes of a running cluster as a table. Fails where no controller answers. */
export async function printStatus(settings: Settings, environment: Environment): Promise<void> {
  const url = controllerUrlOf(settings);
  const status = await askStatus(settings, environment);
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
