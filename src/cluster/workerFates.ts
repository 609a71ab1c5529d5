/** Of processes whose end is remembered: requests learn of it within moments. */
const maxRemembered = 256;

/**
 * Whether a worker whose connection broke is dead: its process holds a link to the controller, which the system closes
 * with it. A worker that said before that it is draining has stopped in order, and of one that somebody killed the
 * supervisor tells, at about the same time.
 */
export class WorkerFates {
  /** What is not as usual, by instance. */
  readonly #fates = new Map<string, 'draining' | 'died' | 'killed' | 'stopped'>();
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
    if (this.wasKilled(instanceId)) return;
    this.#ended(instanceId, this.isLeaving(instanceId) ? 'stopped' : 'died');
  }

  /** Its process was killed from outside, for nothing that it did: its supervisor says so. */
  killed(instanceId: string): void {
    if (!this.isLeaving(instanceId)) this.#ended(instanceId, 'killed');
  }

  #ended(instanceId: string, fate: 'died' | 'killed' | 'stopped'): void {
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
    return fate === 'died' || fate === 'killed' || fate === 'stopped';
  }

  /** Nothing that it computed was the reason. */
  wasKilled(instanceId: string): boolean {
    return this.#fates.get(instanceId) === 'killed';
  }

  /** It is stopping in order, or has done so: nothing that ends with it is its fault, or that of a request. */
  isLeaving(instanceId: string): boolean {
    const fate = this.#fates.get(instanceId);
    return fate === 'draining' || fate === 'stopped';
  }

  /** Also of one that was killed. Resolves as soon as it is known, and with false where nothing is heard in time. */
  async hasDied(instanceId: string): Promise<boolean> {
    if (!this.hasEnded(instanceId)) await this.#untilUnlinked(instanceId);
    const fate = this.#fates.get(instanceId);
    return fate === 'died' || fate === 'killed';
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
