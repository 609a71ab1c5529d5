import { setTimeout as delay } from 'node:timers/promises';
import { atMost, exactly, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';
import { waitUntil } from '../support/waitUntil.js';

/** reliability.md 5, row 4; workers live on, and what clients stored is there again. */
export const killController: Scenario = {
  name: 'kill-controller',
  fault: 'the controller is killed under streams and started again',
  async run() {
    const cluster = await startChaosCluster({ workers: 3 });
    const ledger = new Ledger(cluster.url);
    try {
      const workers = [0, 1, 2].map((index) => cluster.worker(index).pid);
      const stored = await upload(cluster.url);
      const asked = Array.from({ length: 30 }, () => ledger.ask({ tokens: 500, paceMs: 20 }));
      await delay(1_000);
      cluster.controller().kill('SIGKILL');
      await Promise.all([cluster.controller().exited, ...asked]);
      cluster.startController();
      const listeningMs = await waitUntil('the controller listens', () => isListening(cluster.url));
      const knownMs = listeningMs + (await cluster.whenHealthy(3));
      const orphansMs = knownMs + (await waitUntil('no slot is taken', () => isIdle(cluster.url)));
      const again = await Promise.all(
        Array.from({ length: 30 }, () => ledger.ask({ tokens: 10, paceMs: 20 })),
      );
      return [
        atMost('listening after', listeningMs, 2_000, 'ms'),
        atMost('all workers known after', knownMs, 5_000, 'ms'),
        atMost('no generation of a lost client after', orphansMs, 5_000, 'ms'),
        exactly(
          'workers that lived on',
          [0, 1, 2].filter((index) => cluster.worker(index).pid === workers[index]).length,
          3,
        ),
        exactly('streams cut with the controller', ledger.count('broken'), 30),
        exactly(
          'new streams with a right transcript',
          again.filter(({ outcome }) => outcome.kind === 'whole').length,
          30,
        ),
        exactly('the stored file', (await fetch(`${cluster.url}/v1/files/${stored}`)).status, 200),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};

async function upload(url: string): Promise<string> {
  const form = new FormData();
  form.append('purpose', 'user_data');
  form.append('file', new File(['kept'], 'kept.txt'));
  const answer = (await (await fetch(`${url}/v1/files`, { method: 'POST', body: form })).json()) as {
    id: string;
  };
  return answer.id;
}

async function isListening(url: string): Promise<boolean> {
  return fetch(`${url}/metrics`).then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** As the workers themselves say, on the ports that the status names. */
async function isIdle(url: string): Promise<boolean> {
  const { nodes } = (await (await fetch(`${url}/cluster/status`)).json()) as {
    nodes: { slots: { busy: number } }[];
  };
  return nodes.every(({ slots }) => slots.busy === 0);
}
