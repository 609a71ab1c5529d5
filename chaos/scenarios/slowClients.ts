import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { quantile, range } from '../../bench/support/statistics.js';
import { atLeast, atMost, type Figure, type Scenario } from '../scenario.js';
import { startChaosCluster, type ChaosCluster } from '../support/chaosCluster.js';
import { startProcess } from '../support/childProcess.js';
import { Ledger } from '../support/ledger.js';
import { keepLoad } from '../support/load.js';
import { waitUntil } from '../support/waitUntil.js';

const slowClientsFile = fileURLToPath(new URL('../support/slowClientsProcess.js', import.meta.url));
const slowCount = 1_000;
const stream = { streams: 50, tokens: 200, paceMs: 20 };
const settleMs = 1_000;
/** Of the answer that is read slowly: more than a connection's buffers hold. */
const fileBytes = 8 * 1024 * 1024;

/** reliability.md 5, row 14. With them and without them in turns, because the machine has a day of its own. */
export const slowClients: Scenario = {
  name: 'slow-clients',
  fault: '1,000 clients send their heads and bodies byte by byte, or read their answers so',
  async run({ form, say }) {
    const [rounds, windowMs] = form === 'long' ? [6, 20_000] : [3, 8_000];
    const cluster = await startChaosCluster({ workers: 3 });
    const ledger = new Ledger(cluster.url);
    let gaps: number[] = [];
    const load = keepLoad(ledger, stream, { onGap: (ms) => void gaps.push(ms) });
    const measure = async (during: () => Promise<void> = () => delay(windowMs)) => {
      gaps = [];
      await during();
      return quantile(gaps, 0.99);
    };
    const without: number[] = [];
    const filling: number[] = [];
    const withThem: number[] = [];
    let fewest = Infinity;
    try {
      const filePath = `/v1/files/${await upload(cluster)}/content`;
      await delay(2 * settleMs);
      for (let round = 0; round < rounds; round++) {
        without.push(await measure());
        const slow = await startSlowClients(cluster, filePath, round);
        filling.push(await measure(() => untilBuffersAreFull()));
        withThem.push(await measure());
        fewest = Math.min(fewest, slow.connections());
        await slow.stop();
        await delay(settleMs);
        const [alone, first, then] = [without, filling, withThem].map((all) => format(all.at(-1)));
        say(`p99 without ${alone}, while buffers fill ${first}, with ${then}`);
      }
      without.push(await measure());
      await load.stop();
      return [
        atLeast('slow connections that were there', fewest, slowCount * 0.9),
        ...judge({ without, filling, withThem }),
        atMost('errors of the streams', ledger.errors().length, 0),
      ];
    } finally {
      ledger.close();
      await cluster.close();
    }
  },
};

/** At most a tenth more than without them, or no more than it was at its worst without them. */
function judge({
  without,
  filling,
  withThem,
}: Record<'without' | 'filling' | 'withThem', number[]>): Figure[] {
  const typical = quantile(without, 0.5);
  const { min, max } = range(without);
  const limit = Math.max(typical * 1.1, max);
  return [
    {
      name: 'between two tokens without them, p99',
      measured: `${format(typical)} (${format(min)} to ${format(max)})`,
      ...notAsked,
    },
    {
      name: 'while a third of them, who download, are not slow yet',
      measured: format(quantile(filling, 0.5)),
      ...notAsked,
    },
    atMost('between two tokens with them, p99', quantile(withThem, 0.5), limit, 'ms'),
  ];
}

const notAsked = { asked: '', passed: true, dependsOnMachine: true } as const;

const format = (ms = NaN) => `${ms.toFixed(1)} ms`;

/** @returns the id of the file. */
async function upload({ url }: ChaosCluster): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'user_data');
  form.set('file', new Blob([new Uint8Array(fileBytes)]), 'large');
  const answer = await fetch(`${url}/v1/files`, { method: 'POST', body: form });
  return ((await answer.json()) as { id: string }).id;
}

async function startSlowClients(cluster: ChaosCluster, filePath: string, round: number) {
  const logFile = path.join(cluster.folder, `slow-${round}.log`);
  const args = [slowClientsFile, '--url', cluster.url, '--path', filePath, '--count', `${slowCount}`];
  const slow = startProcess({ file: process.execPath, args, logFile });
  await waitUntil('all slow clients are connected', () => readFileSync(logFile, 'utf8').includes('open'));
  await delay(settleMs);
  return {
    connections: () => countConnections(slow.pid),
    stop: async () => {
      slow.kill('SIGKILL');
      await slow.exited;
    },
  };
}

/**
 * The first megabytes of a download go into the buffers of its connection as fast as the memory takes them: only when
 * these are full does it depend on who reads.
 */
async function untilBuffersAreFull(): Promise<void> {
  let before = -Infinity;
  for (let queued = countQueuedBytes(); queued - before > fileBytes; queued = countQueuedBytes()) {
    before = queued;
    await delay(settleMs);
  }
}

/** What was sent on any connection and not taken yet. */
function countQueuedBytes(): number {
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  const queued = lines.map((line) => parseInt(line.trim().split(/\s+/)[4]?.split(':')[0] ?? '', 16));
  return queued.reduce((sum, bytes) => sum + bytes, 0);
}

/** Sockets of a process that are connected, as the kernel counts them. */
function countConnections(pid: number): number {
  const established = '01';
  const own = new Set(socketsOf(pid));
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trim().split('\n').slice(1);
  return lines.filter((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[3] === established && own.has(fields[9] ?? '');
  }).length;
}

function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((name) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(path.join(folder, name)))?.[1] ?? [];
    } catch {
      // Closed in the meantime.
      return [];
    }
  });
}
