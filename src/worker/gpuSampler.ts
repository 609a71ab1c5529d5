import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { GpuLoad } from '../observability/metrics/workerMetrics.js';

const run = promisify(execFile);
const intervalMs = 5_000;
const timeoutMs = 2_000;

/** Rejects where there is no such GPU, or no driver. */
export type QueryGpus = () => Promise<GpuLoad[]>;

/**
 * Asks the driver every few seconds, and never again where it cannot answer the first time. Untested on a GPU: none was
 * there when this was written.
 *
 * @param query undefined: there is none to ask
 */
export function startGpuSampler(query: QueryGpus | undefined): { read(): readonly GpuLoad[]; close(): void } {
  let loads: readonly GpuLoad[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;

  async function sample(ask: QueryGpus): Promise<void> {
    try {
      loads = await ask();
    } catch {
      loads = [];
      return;
    }
    if (isOpen) timer = setTimeout(() => void sample(ask), intervalMs).unref();
  }

  if (query) void sample(query);
  return {
    read: () => loads,
    close: () => {
      isOpen = false;
      clearTimeout(timer);
    },
  };
}

/** What NVIDIA's own tool says. */
export async function queryNvidiaGpus(): Promise<GpuLoad[]> {
  const args = ['--query-gpu=index,memory.used,utilization.gpu', '--format=csv,noheader,nounits'];
  const { stdout } = await run('nvidia-smi', args, { timeout: timeoutMs });
  return parseNvidiaGpus(stdout);
}

/** Lines of `index, MiB, percent`; what a card does not say is `[N/A]`, and counts as nothing. */
export function parseNvidiaGpus(text: string): GpuLoad[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [id = '', mebibytes, percent] = line.split(',').map((part) => part.trim());
      return { id, memoryUsedBytes: toNumber(mebibytes) * 2 ** 20, utilization: toNumber(percent) / 100 };
    });
}

function toNumber(text: string | undefined): number {
  const value = Number(text);
  return Number.isFinite(value) ? value : 0;
}
