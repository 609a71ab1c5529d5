import type { ModelProgress } from '../models/modelProgress.js';
import { formatProgress } from '../models/progressLine.js';

/** Where lines cannot be rewritten (a log file, CI), one line so often. */
const plainIntervalMs = 2_000;

export interface ProgressDisplay {
  readonly show: (progress: ModelProgress) => void;
  /** Leaves the cursor at the beginning of a line. */
  end(): void;
}

/** Shows how a model is fetched: one line that is rewritten on a terminal, a line every two seconds elsewhere. */
export function createProgressDisplay(name: string, isShown: boolean): ProgressDisplay {
  const out = process.stdout;
  let download:
    { startedAt: number; resumedBytes: number; shownAt: number; isCompleteShown: boolean } | undefined;
  let hasOpenLine = false;

  function print(line: string): void {
    endLine();
    if (isShown) out.write(`${line}\n`);
  }

  function endLine(): void {
    if (hasOpenLine) out.write('\n');
    hasOpenLine = false;
  }

  function showDownload(receivedBytes: number, totalBytes: number): void {
    const now = performance.now();
    download ??= { startedAt: now, resumedBytes: receivedBytes, shownAt: -Infinity, isCompleteShown: false };
    const { startedAt, resumedBytes } = download;
    const line = formatProgress({
      name,
      receivedBytes,
      totalBytes,
      elapsedMs: now - startedAt,
      resumedBytes,
    });
    if (out.isTTY) {
      out.write(`\r${line}\u001b[K`);
      hasOpenLine = true;
      return;
    }
    const isComplete = receivedBytes === totalBytes;
    const isDue = isComplete ? !download.isCompleteShown : now - download.shownAt >= plainIntervalMs;
    if (!isDue) return;
    Object.assign(download, { shownAt: now, isCompleteShown: isComplete });
    print(line);
  }

  return {
    show: (progress) => {
      if (!isShown) return;
      switch (progress.phase) {
        case 'source':
          download = undefined;
          return print(`${name}: fetching from ${progress.name}`);
        case 'download':
          return showDownload(progress.receivedBytes, progress.totalBytes);
        case 'unpack':
          return print(`${name}: unpacking`);
        case 'verify':
          return print(`${name}: checking the SHA-256 digest`);
        case 'waiting':
          return print(`${name}: waiting for process ${progress.pid ?? '(unknown)'}, which is fetching it`);
        case 'source-failed':
          return print(`${name}: ${progress.name} did not work: ${progress.reason}`);
      }
    },
    end: endLine,
  };
}
