import type { Settings } from '../../config/config.js';
import { NodeDescription, nodePaths, RemovedNode } from '../../protocol/clusterStatus.js';
import { findAdminToken } from '../adminToken.js';
import { askController, askStatus } from '../askController.js';
import type { Environment } from '../environment.js';
import { formatTable } from '../table.js';
import { countOf, printLine } from '../terminal.js';

const pathOf = (template: string, id: string) => template.replace(':id', encodeURIComponent(id));

/** `ai-cluster nodes`: how each node does, and why one gets no requests. */
export async function listNodes(settings: Settings, environment: Environment): Promise<void> {
  const { nodes } = await askStatus(settings, environment);
  const rows = nodes.map((node) => [
    node.id,
    node.state,
    node.status,
    String(node.activeRequests),
    node.weight.toFixed(2),
    node.breaker,
    node.reason ?? '',
  ]);
  printLine(formatTable(['NODE', 'STATE', 'STATUS', 'REQUESTS', 'WEIGHT', 'BREAKER', 'WHY'], rows));
}

/** `ai-cluster nodes drain <id>`. */
export async function drainNode(settings: Settings, id: string, environment: Environment): Promise<void> {
  const node = await post(settings, environment, pathOf(nodePaths.drain, id));
  printLine(`${id}: no new requests; ${countOf(node.activeRequests, 'request')} left to end`);
}

/** `ai-cluster nodes undrain <id>`. */
export async function undrainNode(settings: Settings, id: string, environment: Environment): Promise<void> {
  const node = await post(settings, environment, pathOf(nodePaths.undrain, id));
  printLine(`${id}: ${node.state}, takes requests again`);
}

/** `ai-cluster nodes add <id>`. */
export async function addNode(settings: Settings, id: string, environment: Environment): Promise<void> {
  await post(settings, environment, nodePaths.nodes, { id });
  printLine(`${id}: expected; a worker joins as it with --node-id ${id}`);
}

/** `ai-cluster nodes remove <id>`. */
export async function removeNode(settings: Settings, id: string, environment: Environment): Promise<void> {
  const { removed, activeRequests } = await askController(settings, RemovedNode, {
    method: 'DELETE',
    path: pathOf(nodePaths.node, id),
    token: findAdminToken(settings, environment),
  });
  printLine(
    removed
      ? `${id}: removed`
      : `${id}: goes when its ${countOf(activeRequests, 'request')} ended; no new ones`,
  );
}

function post(
  settings: Settings,
  environment: Environment,
  path: string,
  body?: object,
): Promise<NodeDescription> {
  return askController(settings, NodeDescription, {
    method: 'POST',
    path,
    token: findAdminToken(settings, environment),
    ...(body && { body }),
  });
}
