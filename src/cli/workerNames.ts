/** Node ids of local workers: `worker_1`, `worker_2`, …; they stay over restarts. */
export function workerNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `worker_${index + 1}`);
}
