/** Aborted, for the same reason, when one of `signals` is; `unlink` forgets them. */
export function linkSignals(signals: readonly (AbortSignal | undefined)[]): {
  signal: AbortSignal;
  unlink(): void;
} {
  const [only, ...others] = signals.filter((signal) => signal !== undefined);
  if (only && others.length === 0) return { signal: only, unlink: () => undefined };
  const link = new AbortController();
  const followed = signals.flatMap((signal) => {
    if (!signal) return [];
    const abort = () => link.abort(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
    return [{ signal, abort }];
  });
  return {
    signal: link.signal,
    unlink: () => followed.forEach(({ signal, abort }) => signal.removeEventListener('abort', abort)),
  };
}
