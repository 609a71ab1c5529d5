/** Lets the pool notice what nobody sends a message about: nodes that fell silent, waits that are over. */
export function startHeartbeatMonitor(pool: { checkTime(): void }, intervalMs = 500): { close(): void } {
  const timer = setInterval(() => pool.checkTime(), intervalMs);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
