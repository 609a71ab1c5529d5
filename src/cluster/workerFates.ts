/** Of processes whose end is remembered: requests learn of it within moments. */
const maxRemembered = 256;

/**
 * Whether a worker whose connection broke is dead: its process holds a link to the controller, which the system closes
 * with it. A worker that said before that it is draining has stopped in order.
 */
export class WorkerFates {
  /** What is not as usual, by instance. */
  readonly #fates = new Map<string, 'draining' | 'died' | 'stopped'>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #patienceMs: number;

  /** @param patienceMs how long the end of the link may take to arrive behind the end of another connection */
  constructor(patienceMs = 250) {
    this.#patienceMs = patienceMs;
  }

  /** The process has a link, again perhaps, and said on it whether it is draining. */
  heard(instanceId: string, { isDraining }: { isDraining: boolean }): void {
    if (isDraining) this.#fates.set(instanceId, 'draining');
    else this.#fates.delete(instanceId);
  }

  unlinked(instanceId: string): void {
    const fate = this.isLeaving(instanceId) ? 'stopped' : 'died';
    // The newest last.
    this.#fates.delete(instanceId);
    this.#fates.set(instanceId, fate);
    for (const wake of this.#waiting.get(instanceId) ?? []) wake();
    for (const oldest of this.#fates.keys()) {
      if (this.#fates.size <= maxRemembered) break;
      this.#fates.delete(oldest);
    }
  }

  hasEnded(instanceId: string): boolean {
    const fate = this.#fates.get(instanceId);
    return fate === 'died' || fate === 'stopped';
  }

  /** It is stopping in order, or has done so: nothing that ends with it is its fault, or that of a request. */
  isLeaving(instanceId: string): boolean {
    const fate = this.#fates.get(instanceId);
    return fate === 'draining' || fate === 'stopped';
  }

  /** Resolves as soon as it is known, and with false where nothing is heard within the patience. */
  async hasDied(instanceId: string): Promise<boolean> {
    if (!this.hasEnded(instanceId)) await this.#untilUnlinked(instanceId);
    return this.#fates.get(instanceId) === 'died';
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
