import type { WorkerPool } from '../cluster/workerPool.js';
import type { ControllerEvents } from '../observability/events.js';
import type { ModelKind } from '../protocol/workerApi.js';
import type { ModelFacts, ModelRegistry } from './routes/models.js';

export interface ModelRegistryOptions {
  /** Known from the start, before a worker has reported them. */
  readonly configured: readonly string[];
  readonly pool: Pick<WorkerPool, 'modelIds' | 'kindOf' | 'views' | 'onChange'>;
  /** Unix time. */
  readonly nowSeconds: () => number;
  readonly events: Pick<ControllerEvents, 'modelSeen' | 'modelForgotten'>;
}

/** Of a model that no node has any more: one that is restarted has it again soon. */
const forgottenAfterSeconds = 600;

/** The models that are configured or reported, and what is known of them. */
export function createModelRegistry(options: ModelRegistryOptions): ModelRegistry {
  const { configured, pool, nowSeconds, events } = options;
  const known = new Map<string, { readonly sinceSeconds: number; seenSeconds: number }>();
  const ids = () => [...new Set([...configured, ...pool.modelIds()])];

  function noteChanges(): void {
    const now = nowSeconds();
    for (const id of ids()) {
      const model = known.get(id);
      if (model) model.seenSeconds = now;
      else {
        known.set(id, { sinceSeconds: now, seenSeconds: now });
        events.modelSeen(id);
      }
    }
    for (const [id, { seenSeconds }] of known) {
      if (now - seenSeconds < forgottenAfterSeconds) continue;
      known.delete(id);
      events.modelForgotten(id);
    }
  }
  noteChanges();
  pool.onChange(noteChanges);

  return {
    ids,
    kindOf: (id): ModelKind | undefined => pool.kindOf(id),
    createdSeconds: (id) => known.get(id)?.sinceSeconds ?? nowSeconds(),
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
