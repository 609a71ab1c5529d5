import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { WorkerPool } from '../cluster/workerPool.js';
import type { ControllerEvents } from '../observability/events.js';

export interface ScrapeTargetsOptions {
  readonly folder: string;
  /** Origin of this controller's metrics. */
  readonly controller: string;
  readonly events: Pick<ControllerEvents, 'targetsUnwritable'>;
}

/** The jobs of prometheus.yml, each with its file. */
const targetFiles = { controller: 'controllers.json', workers: 'workers.json' } as const;

/** Prometheus reads files that have changed within moments. */
const lookEveryMs = 1_000;

interface TargetGroup {
  readonly targets: readonly [string];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Keeps the files from which Prometheus learns where controller and workers are (its file discovery), from now on and
 * whenever a worker joins or is removed. One that is gone stays in them: that its scrapes fail is what an alert is for.
 */
export function startScrapeTargets(
  pool: Pick<WorkerPool, 'views'>,
  { folder, controller, events }: ScrapeTargetsOptions,
): { close(): void } {
  const written = new Map<string, string>();

  function write(file: string, groups: readonly TargetGroup[]): void {
    const text = `${JSON.stringify(groups, undefined, 2)}\n`;
    if (written.get(file) === text) return;
    written.set(file, text);
    const target = path.join(folder, file);
    try {
      mkdirSync(folder, { recursive: true });
      // Prometheus may read at any moment: there is a whole file, always.
      writeFileSync(`${target}.new`, text);
      renameSync(`${target}.new`, target);
    } catch (error) {
      events.targetsUnwritable({ file: target, error });
    }
  }

  function writeWorkers(): void {
    const groups = pool.views().flatMap(({ id, identity }) => {
      if (!identity) return [];
      return toGroup(identity.metricsUrl, { role: 'worker', node_id: id });
    });
    write(targetFiles.workers, groups);
  }

  write(targetFiles.controller, [toGroup(controller, { role: 'controller' })]);
  writeWorkers();
  const timer = setInterval(writeWorkers, lookEveryMs);
  timer.unref();
  return { close: () => clearInterval(timer) };
}

function toGroup(origin: string, labels: Readonly<Record<string, string>>): TargetGroup {
  const { protocol, host, port } = new URL(origin);
  const scheme = protocol.replace(':', '');
  const address = port === '' ? `${host}:${scheme === 'https' ? 443 : 80}` : host;
  return { targets: [address], labels: { ...labels, ...(scheme === 'https' && { __scheme__: scheme }) } };
}
