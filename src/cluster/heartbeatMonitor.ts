/** Notices nodes that fell silent, although nothing happens on the network when they do. */
export function startHeartbeatMonitor(pool: { checkSilence(): void }, intervalMs = 500): { close(): void } {
  const timer = setInterval(() => pool.checkSilence(), intervalMs);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
