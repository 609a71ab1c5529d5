const barWidth = 24;

/**
 * One line for a terminal, without a line end: bar, percentage, size in MB, rate, time left. `elapsedMs` is the time
 * since the download began, and `resumedBytes` what an earlier one had left behind: it counts as received, but not
 * for the rate. Rate and time left are missing until there is something to compute them from.
 */
export function formatProgress(progress: {
  name: string;
  receivedBytes: number;
  totalBytes: number;
  elapsedMs: number;
  resumedBytes?: number;
}): string {
  const { name, receivedBytes, totalBytes, elapsedMs, resumedBytes = 0 } = progress;
  const share = totalBytes > 0 ? Math.min(receivedBytes / totalBytes, 1) : 0;
  const filled = Math.floor(share * barWidth);
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}]`;
  const percentage = `${Math.floor(share * 100)}%`.padStart(4);
  const parts = [
    `${name} ${bar} ${percentage}`,
    `${toMegabytes(receivedBytes)} of ${toMegabytes(totalBytes)} MB`,
  ];

  const bytesPerMs = elapsedMs > 0 ? (receivedBytes - resumedBytes) / elapsedMs : 0;
  if (bytesPerMs > 0) {
    parts.push(`${toMegabytes(bytesPerMs * 1000)} MB/s`);
    const leftMs = (totalBytes - receivedBytes) / bytesPerMs;
    if (leftMs > 0) parts.push(`${toDuration(leftMs)} left`);
  }
  return parts.join('  ');
}

function toMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function toDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
