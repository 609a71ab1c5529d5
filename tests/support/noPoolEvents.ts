import type { PoolEvents } from '../../src/cluster/workerPool.js';

/** For pools of which nobody hears anything. */
export const noPoolEvents: PoolEvents = {
  nodeStateChanged: () => undefined,
  nodeReplaced: () => undefined,
  nodeForgotten: () => undefined,
  breakerChanged: () => undefined,
  nodeEjected: () => undefined,
};
