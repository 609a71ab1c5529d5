import { expect } from 'vitest';
import { eventually } from '../support/eventually.js';
import { scriptedModel, startLiveCluster, type LiveCluster } from '../support/liveCluster.js';
import { playScenario } from '../support/scenarios.js';
import { createTokenGate } from '../support/tokenGate.js';
import { answer } from '../support/workerScripts.js';

/** What the official clients of every language talk to. */
export interface ClientCluster {
  /** `tiny` on a real worker, and a fake one that plays `tests/support/scenarios.ts`. */
  readonly live: LiveCluster;
  /** Of a cluster that is full after {@link ClientCluster.overload}. */
  readonly busyUrl: string;
  /** Fills slot and queue; the first request that is refused frees both. */
  overload(): Promise<void>;
  close(): Promise<void>;
}

/** Longer than all behaviours take together on a busy machine. */
const patienceMs = 300_000;

export async function startClientCluster(): Promise<ClientCluster> {
  const live = await startLiveCluster({ script: playScenario });
  const busy = await startLiveCluster({
    script: answer(['Hello']),
    tiny: false,
    scriptedSlots: 1,
    controller: { queueLimit: 1, queueTimeoutMs: patienceMs },
  });
  const refusals = () => busy.log.entries().filter(({ status }) => status === 503).length;
  let released: Promise<unknown> = Promise.resolve();
  const ask = () =>
    fetch(`${busy.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: scriptedModel, messages: [{ role: 'user', content: 'Hi' }] }),
    });

  return {
    live,
    busyUrl: busy.url,
    overload: async () => {
      await released;
      const gate = createTokenGate();
      const held = answer(['Hello'], { gate });
      busy.scripted.answerNext(held, held);
      const before = refusals();
      const holding = [ask(), ask()];
      await eventually(async () => expect((await busy.status()).queue.waiting).toBe(1));
      released = eventually(() => expect(refusals()).toBeGreaterThan(before), { timeout: patienceMs })
        .catch(() => undefined)
        .then(() => gate.open())
        .then(() => Promise.allSettled(holding));
    },
    close: async () => {
      await Promise.all([live.close(), busy.close()]);
    },
  };
}
