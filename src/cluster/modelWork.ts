import { prefixBlockBytes, type PrefixChain } from '../protocol/prefix.js';
import type { OutstandingWork } from '../routing/nodeSnapshot.js';
import type { RequestWork } from '../routing/policy.js';
import { NodeSpeed } from './nodeSpeed.js';
import { PrefixMap } from './prefixMap.js';
import { RunningWork, type Company } from './runningWork.js';

/** What one model does on one node, for routing: its running requests, its speed, what its caches hold. */
export class ModelWork {
  readonly speed = new NodeSpeed();
  readonly prefixes = new PrefixMap();
  readonly #running = new Set<RunningWork>();

  begin(work: RequestWork | undefined): RunningWork {
    const running = new RunningWork({
      work,
      cachedTokens: work ? this.cachedTokens(work) : 0,
      speed: this.speed,
      companyOf: (one) => this.#companyOf(one),
    });
    this.#running.add(running);
    return running;
  }

  end(running: RunningWork): void {
    this.#running.delete(running);
    running.ended();
  }

  outstanding(): OutstandingWork[] {
    return [...this.#running].map(({ prefillTokens, decodeTokens }) => ({ prefillTokens, decodeTokens }));
  }

  /** Tokens of the prompt that are in a cache, or will be when the requests that run have been read. */
  cachedTokens({ prefixChain }: RequestWork): number {
    const running = [...this.#running].map(({ work }) => (work ? sharedTokens(prefixChain, work) : 0));
    return Math.max(this.prefixes.cachedTokens(prefixChain), ...running);
  }

  #companyOf(one: RunningWork): Company {
    let backlogTokens = -one.prefillTokens;
    for (const { prefillTokens } of this.#running) backlogTokens += prefillTokens;
    return { others: this.#running.size - 1, backlogTokens };
  }
}

/** The common prefix of two requests, in tokens of the one that runs. */
function sharedTokens({ hashes }: PrefixChain, { prefixChain, promptTokens }: RequestWork): number {
  let blocks = 0;
  while (blocks < hashes.length && hashes[blocks] === prefixChain.hashes[blocks]) blocks++;
  return Math.floor((promptTokens * blocks * prefixBlockBytes) / Math.max(1, prefixChain.bytes));
}
