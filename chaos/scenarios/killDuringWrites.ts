import { readFileSync } from 'node:fs';
import path from 'node:path';
import { atLeast, exactly, type Scenario } from '../scenario.js';
import { startChaosCluster } from '../support/chaosCluster.js';
import { createRandom } from '../support/load.js';
import { waitUntil } from '../support/waitUntil.js';

const writersAtOnce = 4;

/** What a key was acknowledged to be, and what it may be instead because an answer did not come. */
interface Written {
  text: string;
  weight: number;
  state: 'active' | 'disabled' | 'revoked';
  unsure?: Change;
}

type Change = 'weight' | 'rotate' | 'disable' | 'enable' | 'revoke';

interface ListedKey {
  readonly id: string;
  readonly weight: number;
  readonly state: Written['state'];
}

/** Every write of a key whose answer arrived is there after the controller was killed. */
export const killDuringWrites: Scenario = {
  name: 'kill-during-writes',
  fault: 'the controller is killed while keys are made, changed, rotated and revoked',
  async run({ form, seed, say }) {
    const [rounds, writesOfRound] = form === 'long' ? [20, 500] : [3, 150];
    const random = createRandom(seed);
    const cluster = await startChaosCluster({ workers: 0 });
    const token = readFileSync(path.join(cluster.folder, 'data', 'admin-token'), 'utf8').trim();
    const known = new Map<string, Written>();
    let acknowledged = 0;
    let lost = 0;
    let broken = 0;

    async function ask(method: string, at: string, body?: object): Promise<Record<string, unknown>> {
      const response = await fetch(`${cluster.url}/admin/keys${at}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${method} ${at} was answered ${response.status}`);
      return (await response.json()) as Record<string, unknown>;
    }

    async function change(id: string, key: Written): Promise<void> {
      const changes = ['weight', 'rotate', key.state === 'active' ? 'disable' : 'enable', 'revoke'] as const;
      const what = changes[Math.floor(random() ** 2 * changes.length)] ?? 'weight';
      key.unsure = what;
      if (what === 'weight') {
        const weight = 1 + Math.floor(random() * 99);
        key.weight = Number((await ask('PATCH', `/${id}`, { weight }))['weight']);
      } else {
        const answer = await ask('POST', `/${id}/${what}`);
        key.state = answer['state'] as Written['state'];
        if (what === 'rotate') key.text = String(answer['key']);
      }
      delete key.unsure;
    }

    /** Makes a key and changes it some times, again and again, until the controller is gone. */
    async function write(isOver: () => boolean, onWritten: () => void): Promise<void> {
      while (!isOver()) {
        const made = await ask('POST', '', { name: 'written' });
        const key: Written = { text: String(made['key']), weight: 1, state: 'active' };
        known.set(String(made['id']), key);
        onWritten();
        for (let times = 0; times < 5 && key.state !== 'revoked' && !isOver(); times++) {
          await change(String(made['id']), key);
          onWritten();
        }
      }
    }

    async function verify(): Promise<void> {
      const listed = new Map(((await ask('GET', ''))['keys'] as ListedKey[]).map((key) => [key.id, key]));
      for (const [id, key] of known) {
        if (!(await isAsAcknowledged(cluster.url, listed.get(id), key))) lost++;
        // From here on it is what it is.
        if (key.unsure !== undefined) known.delete(id);
      }
    }

    try {
      for (let round = 1; round <= rounds; round++) {
        const fatal = Math.floor((0.1 + 0.9 * random()) * writesOfRound);
        let written = 0;
        let isKilled = false;
        const onWritten = () => {
          acknowledged++;
          if (++written < fatal || isKilled) return;
          isKilled = true;
          cluster.controller().kill('SIGKILL');
        };
        const writers = Array.from({ length: writersAtOnce }, () => write(() => isKilled, onWritten));
        for (const { status } of await Promise.allSettled(writers)) if (status === 'rejected') broken++;
        await cluster.controller().exited;
        cluster.startController();
        await waitUntil('the controller listens', () => isListening(cluster.url));
        await verify();
        say(`${round} of ${rounds}: ${acknowledged} writes acknowledged, ${lost} lost`);
      }
      return [
        atLeast('writes acknowledged', acknowledged, rounds * 0.1 * writesOfRound),
        atLeast('writes that were cut off', broken, 1),
        exactly('keys that are not as they were acknowledged', lost, 0),
      ];
    } finally {
      await cluster.close();
    }
  },
};

async function isAsAcknowledged(url: string, listed: ListedKey | undefined, key: Written): Promise<boolean> {
  if (!listed) return false;
  const { unsure } = key;
  const mayHaveChanged = unsure === 'disable' || unsure === 'enable' || unsure === 'revoke';
  if (listed.state !== key.state && !mayHaveChanged) return false;
  if (listed.weight !== key.weight && unsure !== 'weight') return false;
  if (unsure === 'rotate' || mayHaveChanged) return true;
  const { status } = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key.text}` } });
  return status === (key.state === 'active' ? 200 : 401);
}

async function isListening(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    () => true,
    () => false,
  );
}
