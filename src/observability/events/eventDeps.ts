import type { Logger } from '../logger.js';
import type { ControllerMetrics } from '../metrics/controllerMetrics.js';
import type { Tracer } from '../tracing/tracer.js';
import type { LiveNames } from './liveNames.js';

export interface EventDeps {
  readonly logger: Logger;
  readonly metrics: ControllerMetrics;
  readonly names: LiveNames;
  /** Only where traces are asked for. */
  readonly tracer?: Tracer | undefined;
}
