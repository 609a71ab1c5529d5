/** What every request of the benchmark asks for, and how the fake worker answers. */
export const workload = {
  model: 'bench-model',
  tokens: 8,
  tokensPerSecond: 400,
  /** More than are ever used: the queue is not measured here. */
  slots: 64,
} as const;

/** What the processes of the benchmark tell each other. */
export type BenchMessage =
  | { readonly type: 'listening'; readonly url: string }
  | { readonly type: 'join'; readonly controllerUrl: string }
  | { readonly type: 'readCpu' }
  /** CPU time of the process since its start. */
  | { readonly type: 'cpu'; readonly microseconds: number };
