import { describeError } from './describeError.js';
import { createKeyEvents } from './events/keyEvents.js';
import { LiveNames } from './events/liveNames.js';
import { createNodeEvents } from './events/nodeEvents.js';
import { createRecoveryEvents } from './events/recoveryEvents.js';
import { createRequestEvents } from './events/requestEvents.js';
import type { Logger } from './logger.js';
import type { ControllerMetrics } from './metrics/controllerMetrics.js';
import type { Tracer } from './tracing/tracer.js';

export type ControllerEvents = ReturnType<typeof createControllerEvents>;

/** One function for each thing that happens: a log line, and the metrics and spans that go with it. */
export function createControllerEvents({
  logger,
  metrics,
  tracer,
}: {
  logger: Logger;
  metrics: ControllerMetrics;
  tracer?: Tracer | undefined;
}) {
  const deps = { logger, metrics, tracer, names: new LiveNames() };
  metrics.registry.onCollectError = (collector, error) => {
    logger.error('metrics could not be read', { collector, reason: describeError(error) });
  };
  return {
    ...createRequestEvents(deps),
    ...createNodeEvents(deps),
    ...createRecoveryEvents(deps),
    ...createKeyEvents(deps),

    /** More clients than `--max-connections`. */
    connectionsDropped({ count, limit }: { count: number; limit: number }): void {
      logger.warn('connections turned away', { count, limit, setting: '--max-connections' });
    },

    /** Prometheus does not learn of new workers. */
    targetsUnwritable({ file, error }: { file: string; error: unknown }): void {
      logger.error('targets for Prometheus cannot be written', { file, reason: describeError(error) });
    },

    draining(activeRequests: number): void {
      logger.info('draining', { activeRequests });
    },
  };
}
