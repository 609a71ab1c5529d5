import { buckets, counter, gauge, histogram } from './metricSpec.js';

/** What a worker counts; the controller tells the rest of it. */
export const workerSpecs = {
  requests: counter({
    name: 'ai_cluster_worker_requests_total',
    help: 'Calls of the controller, by what was asked and what came of it',
    unit: 'calls',
    labels: ['operation', 'status'],
    advice:
      '`error`: the log of this worker says why. `cancelled`: the controller ended them, for its clients as a rule.',
  }),
  requestDuration: histogram({
    name: 'ai_cluster_worker_request_duration_seconds',
    help: 'Calls of the controller, from their arrival to their end',
    unit: 'seconds',
    labels: ['operation'],
    buckets: buckets.endToEnd,
    advice: 'Compare it between workers: the machines, not the requests, make the difference.',
  }),
} as const;

/** What is read of a worker at every scrape. */
export const workerGauges = {
  slots: gauge({
    name: 'ai_cluster_worker_slots',
    help: 'Slots of this worker by state',
    unit: 'slots',
    labels: ['model', 'state'],
    advice: 'All busy for long: see QueueSaturated.',
  }),
  uptime: gauge({
    name: 'ai_cluster_worker_uptime_seconds',
    help: 'Time since this worker process started',
    unit: 'seconds',
    advice: 'Falls when it was started again.',
  }),
  engineUp: gauge({
    name: 'ai_cluster_worker_engine_up',
    help: 'Whether the model is loaded and the worker takes requests for it',
    unit: '1 or 0',
    labels: ['model'],
    advice: '0 while it loads or stops.',
  }),
  requestsProcessing: gauge({
    name: 'ai_cluster_worker_engine_requests_processing',
    help: 'Requests that llama.cpp computes now',
    unit: 'requests',
    labels: ['model'],
    advice: 'The busy slots.',
  }),
  requestsDeferred: gauge({
    name: 'ai_cluster_worker_engine_requests_deferred',
    help: 'Requests that hold a slot and wait for the step budget to read their prompt',
    unit: 'requests',
    labels: ['model'],
    advice: 'Long prompts arrive together: they are read in turn, so that running answers go on.',
  }),
  steps: counter({
    name: 'ai_cluster_worker_steps_total',
    help: 'Batches that llama.cpp computed',
    unit: 'steps',
    labels: ['model'],
    advice: 'Its rate is how often every running answer gets a token.',
  }),
  stepSequences: counter({
    name: 'ai_cluster_worker_step_sequences_total',
    help: 'Sequences in all batches together',
    unit: 'sequences',
    labels: ['model'],
    advice:
      'Its rate by that of the steps is the size of a batch; by the slots, too, how full it is. Low with a waiting queue: requests do not reach this worker.',
  }),
  systemMemoryUsed: gauge({
    name: 'ai_cluster_worker_system_memory_used_bytes',
    help: 'Memory of the machine that is in use, without what can be given back',
    unit: 'bytes',
    advice: 'Near the memory of the machine: the kernel will kill a process soon.',
  }),
  systemCpu: counter({
    name: 'ai_cluster_worker_system_cpu_seconds_total',
    help: 'Time of all processors of the machine, by mode',
    unit: 'seconds',
    labels: ['mode'],
    advice: 'Its rate by the number of cores is the share; `user` of other programs slows the worker down.',
  }),
  gpuMemoryUsed: gauge({
    name: 'ai_cluster_worker_gpu_memory_used_bytes',
    help: 'Memory of the GPU in use, as its driver says; no series without a GPU',
    unit: 'bytes',
    labels: ['gpu'],
    advice: 'Near all of it: fewer slots, a shorter context, or fewer layers on the GPU.',
  }),
  gpuUtilization: gauge({
    name: 'ai_cluster_worker_gpu_utilization_ratio',
    help: 'Share of the time in which the GPU computed, as its driver says; no series without a GPU',
    unit: 'ratio',
    labels: ['gpu'],
    advice: 'Low under load: layers are on the processor, or the batch is small.',
  }),
} as const;
