/** Of processes whose end is remembered: requests learn of it within moments. */
const maxRemembered = 256;

/**
 * Whether a worker whose connection broke is dead: its process holds a link to the controller, which the system closes
 * with it. A worker that said before that it is draining has stopped in order.
 */
export class WorkerFates {
  readonly #ended = new Map<string, 'died' | 'stopped'>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #patienceMs: number;

  /** @param patienceMs how long the end of the link may take to arrive behind the end of another connection */
  constructor(patienceMs = 250) {
    this.#patienceMs = patienceMs;
  }

  /** The process has a link, again perhaps. */
  linked(instanceId: string): void {
    this.#ended.delete(instanceId);
  }

  unlinked(instanceId: string, { wasDraining }: { wasDraining: boolean }): void {
    this.#ended.set(instanceId, wasDraining ? 'stopped' : 'died');
    for (const wake of this.#waiting.get(instanceId) ?? []) wake();
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= maxRemembered) break;
      this.#ended.delete(oldest);
    }
  }

  hasEnded(instanceId: string): boolean {
    return this.#ended.has(instanceId);
  }

  hasStopped(instanceId: string): boolean {
    return this.#ended.get(instanceId) === 'stopped';
  }

  /** Resolves as soon as it is known, and with false where nothing is heard within the patience. */
  async hasDied(instanceId: string): Promise<boolean> {
    if (!this.#ended.has(instanceId)) await this.#untilUnlinked(instanceId);
    return this.#ended.get(instanceId) === 'died';
  }

  #untilUnlinked(instanceId: string): Promise<void> {
    const waiting = this.#waiting.get(instanceId) ?? new Set();
    this.#waiting.set(instanceId, waiting);
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(instanceId);
        resolve();
      };
      const timer = setTimeout(wake, this.#patienceMs);
      waiting.add(wake);
    });
  }
}
