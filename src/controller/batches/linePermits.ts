/** How many lines run at once, over all batches; waiting lines of a model go one after another. */
export interface LinePermits {
  /** @returns what gives the permit back; undefined where the signal came first. */
  acquire(model: string, signal: AbortSignal): Promise<(() => void) | undefined>;
}

/** As many as the model has slots, which `limitOf` tells, so that the queue is left to the others. */
export function createLinePermits(limitOf: (model: string) => number): LinePermits {
  const running = new Map<string, number>();
  const waiting = new Map<string, (() => void)[]>();

  const take = (model: string) => {
    running.set(model, (running.get(model) ?? 0) + 1);
    let isReturned = false;
    return () => {
      if (isReturned) return;
      isReturned = true;
      running.set(model, (running.get(model) ?? 1) - 1);
      grant(model);
    };
  };
  const hasRoom = (model: string) => (running.get(model) ?? 0) < limitOf(model);

  function grant(model: string): void {
    const line = waiting.get(model) ?? [];
    // A limit that has grown lets more than one in.
    while (line.length > 0 && hasRoom(model)) line.shift()?.();
  }

  return {
    acquire(model, signal) {
      if (signal.aborted) return Promise.resolve(undefined);
      const line = waiting.get(model) ?? [];
      waiting.set(model, line);
      if (line.length === 0 && hasRoom(model)) return Promise.resolve(take(model));
      return new Promise((resolve) => {
        const leave = () => {
          line.splice(line.indexOf(enter), 1);
          resolve(undefined);
        };
        const enter = () => {
          signal.removeEventListener('abort', leave);
          resolve(take(model));
        };
        signal.addEventListener('abort', leave, { once: true });
        line.push(enter);
      });
    },
  };
}
