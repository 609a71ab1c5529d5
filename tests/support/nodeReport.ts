import type { NodeReport } from '../../src/protocol/workerApi.js';

/** What a worker says that is ready and has one model and four free slots. */
export const readyReport: NodeReport = {
  phase: 'ready',
  uptimeSeconds: 1,
  models: [
    {
      id: 'test-model',
      kind: 'generation',
      slotsTotal: 4,
      slotsBusy: 0,
      contextTokens: 4096,
      loadSeconds: 1,
      memoryBytes: 1,
      fingerprint: 'fp',
    },
  ],
};
