import type { ModelReport } from '../../protocol/workerApi.js';
import { MetricsRegistry, sampled, type Collector, type MetricsOptions } from './metricsRegistry.js';
import { addProcessMetrics, type ProcessFacts } from './processMetrics.js';
import { workerGauges, workerSpecs } from './workerSpecs.js';
import { createWrap } from './wrapOperation.js';

export interface WorkerMetricsOptions extends MetricsOptions {
  readonly facts: ProcessFacts;
  readonly readModels: () => readonly ModelLoad[];
  readonly readMachine?: () => MachineLoad;
  readonly readGpus?: () => readonly GpuLoad[];
}

/** What a model does now. */
export interface ModelLoad extends Pick<ModelReport, 'id' | 'slotsTotal' | 'slotsBusy'> {
  readonly isServing: boolean;
  /** Undefined where the model does not work in steps. */
  readonly steps?: StepCounts | undefined;
}

export interface StepCounts {
  readonly steps: number;
  /** Of all steps together. */
  readonly sequences: number;
  /** Requests with a slot that are not in the steps yet. */
  readonly deferred: number;
}

export interface MachineLoad {
  readonly memoryUsedBytes: number;
  /** Of all processors together, since the machine started. */
  readonly cpuSeconds: Readonly<Record<'user' | 'nice' | 'sys' | 'idle' | 'irq', number>>;
}

export interface GpuLoad {
  readonly id: string;
  readonly memoryUsedBytes: number;
  readonly utilization: number;
}

export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;

/** All metrics of a worker process. */
export function createWorkerMetrics(options: WorkerMetricsOptions) {
  const { facts, readModels, readMachine, readGpus = () => [] } = options;
  const registry = new MetricsRegistry('ai_cluster_worker', options);
  const families = {
    ...registry.families(workerSpecs),
    ...addProcessMetrics(registry, 'ai_cluster_worker', facts),
  };
  registry.collect(modelCollector(readModels));
  if (readMachine) registry.collect(machineCollector(readMachine));
  registry.collect({
    name: 'gpu',
    read: readGpus,
    gauges: [
      sampled(workerGauges.gpuMemoryUsed, (gpus: readonly GpuLoad[]) =>
        gpus.map(({ id, memoryUsedBytes }) => [{ gpu: id }, memoryUsedBytes]),
      ),
      sampled(workerGauges.gpuUtilization, (gpus: readonly GpuLoad[]) =>
        gpus.map(({ id, utilization }) => [{ gpu: id }, utilization]),
      ),
    ],
  });
  return { registry, ...families, wrap: createWrap(families) };
}

function modelCollector(read: () => readonly ModelLoad[]): Collector<readonly ModelLoad[]> {
  return {
    name: 'models',
    read,
    gauges: [
      sampled(workerGauges.uptime, () => [[{}, process.uptime()]]),
      sampled(workerGauges.slots, (models: readonly ModelLoad[]) =>
        models.flatMap(({ id, slotsBusy, slotsTotal }) => [
          [{ model: id, state: 'busy' }, slotsBusy] as const,
          [{ model: id, state: 'idle' }, slotsTotal - slotsBusy] as const,
        ]),
      ),
      sampled(workerGauges.engineUp, (models: readonly ModelLoad[]) =>
        models.map(({ id, isServing }) => [{ model: id }, Number(isServing)]),
      ),
      sampled(workerGauges.requestsProcessing, (models: readonly ModelLoad[]) =>
        models.map(({ id, slotsBusy, steps }) => [{ model: id }, slotsBusy - (steps?.deferred ?? 0)]),
      ),
      sampled(workerGauges.requestsDeferred, (models: readonly ModelLoad[]) =>
        models.map(({ id, steps }) => [{ model: id }, steps?.deferred ?? 0]),
      ),
      sampled(workerGauges.steps, (models: readonly ModelLoad[]) =>
        models.flatMap(({ id, steps }) => (steps ? [[{ model: id }, steps.steps] as const] : [])),
      ),
      sampled(workerGauges.stepSequences, (models: readonly ModelLoad[]) =>
        models.flatMap(({ id, steps }) => (steps ? [[{ model: id }, steps.sequences] as const] : [])),
      ),
    ],
  };
}

function machineCollector(read: () => MachineLoad): Collector<MachineLoad> {
  return {
    name: 'machine',
    read,
    gauges: [
      sampled(workerGauges.systemMemoryUsed, ({ memoryUsedBytes }: MachineLoad) => [[{}, memoryUsedBytes]]),
      sampled(workerGauges.systemCpu, ({ cpuSeconds }: MachineLoad) =>
        Object.entries(cpuSeconds).map(([mode, seconds]) => [{ mode }, seconds]),
      ),
    ],
  };
}
