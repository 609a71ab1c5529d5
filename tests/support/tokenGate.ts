/** Lets a test decide when a fake worker sends its next token. */
export interface TokenGate {
  /** Resolves when a pass was opened, or at once when `signal` aborts. */
  pass(signal: AbortSignal): Promise<void>;
  /** Opens for `count` passes; without a count for all that follow. */
  open(count?: number): void;
}

export function createTokenGate(): TokenGate {
  const waiting: (() => void)[] = [];
  let passes = 0;

  return {
    pass(signal) {
      if (signal.aborted) return Promise.resolve();
      if (passes > 0) {
        passes--;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const leave = () => {
          const place = waiting.indexOf(go);
          if (place >= 0) waiting.splice(place, 1);
          resolve();
        };
        const go = () => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        waiting.push(go);
        signal.addEventListener('abort', leave, { once: true });
      });
    },
    open(count = Infinity) {
      passes += count;
      while (passes > 0 && waiting.length > 0) {
        passes--;
        waiting.shift()?.();
      }
    },
  };
}
