import type { WorkerPool } from '../cluster/workerPool.js';
import type { ModelKind } from '../protocol/workerApi.js';
import type { ModelFacts, ModelRegistry } from './routes/models.js';

export interface ModelRegistryOptions {
  /** Known from the start, before a worker has reported them. */
  readonly configured: readonly string[];
  readonly pool: Pick<WorkerPool, 'modelIds' | 'kindOf' | 'views' | 'onChange'>;
  /** Unix time. */
  readonly nowSeconds: () => number;
}

/** The models that are configured or reported, and what is known of them. */
export function createModelRegistry({ configured, pool, nowSeconds }: ModelRegistryOptions): ModelRegistry {
  const knownSince = new Map<string, number>();
  const ids = () => [...new Set([...configured, ...pool.modelIds()])];

  function noteNew(): void {
    for (const id of ids()) if (!knownSince.has(id)) knownSince.set(id, nowSeconds());
  }
  noteNew();
  pool.onChange(noteNew);

  return {
    ids,
    kindOf: (id): ModelKind | undefined => pool.kindOf(id),
    createdSeconds: (id) => knownSince.get(id) ?? nowSeconds(),
    factsOf(id): ModelFacts | undefined {
      const nodes = pool.views().flatMap(({ state, models }) => {
        const report = models.find((model) => model.id === id);
        return report ? [{ report, isReady: state === 'ready' || state === 'busy' }] : [];
      });
      const [first] = nodes;
      if (!first) return undefined;
      const ready = nodes.filter(({ isReady }) => isReady);
      return {
        kind: first.report.kind,
        // A request may go to any of them.
        contextTokens: Math.min(...nodes.map(({ report }) => report.contextTokens)),
        slots: ready.reduce((sum, { report }) => sum + report.slotsTotal, 0),
      };
    },
  };
}
