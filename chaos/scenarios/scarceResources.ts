import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { atLeast, atMost, exactly, type Figure, type Scenario } from '../scenario.js';
import { startChaosCluster, type ChaosClusterOptions } from '../support/chaosCluster.js';
import { Ledger } from '../support/ledger.js';

/** reliability.md 5, row 12: serving goes on, or sheds; nothing crashes. */
export const scarceResources: Scenario = {
  name: 'scarce-resources',
  fault: 'the controller has no file descriptors left, or no disk for its logs',
  run: async ({ say }) => {
    // Node reads its modules side by side: with half as many it may not even start.
    say('256 file descriptors');
    const figures = await serveUnder('256 file descriptors', { descriptors: 256 }, 400);
    say('64 file descriptors, after it has started with more');
    const later = await serveUnder('descriptors taken away', {}, 200, (pid) => {
      spawnSync('prlimit', [`--pid=${pid}`, '--nofile=64']);
    });
    say('a full disk');
    return [...figures, ...later, ...(await withFullDisk())];
  },
};

/** Many more connections than it can have: some are shed, it lives on and serves all when they are gone. */
async function serveUnder(
  what: string,
  options: Omit<ChaosClusterOptions, 'workers'>,
  streams: number,
  squeeze?: (pid: number) => void,
): Promise<Figure[]> {
  // Where they are taken away behind its back, clients may have all of them.
  const least = squeeze ? 0 : 1;
  const cluster = await startChaosCluster({ workers: 2, slots: 16, ...options });
  const ledger = new Ledger(cluster.url);
  const after = new Ledger(cluster.url);
  try {
    const { pid } = cluster.controller();
    squeeze?.(pid);
    await Promise.all(
      Array.from({ length: streams }, () => ledger.ask({ tokens: 20, paceMs: 10 }, { patienceMs: 20_000 })),
    );
    ledger.close();
    await cluster.whenHealthy(2);
    for (let index = 0; index < 20; index++) await after.ask({ tokens: 5, paceMs: 5 });
    return [
      atLeast(`${what}: served whole, of ${streams} at once`, ledger.count('whole'), least),
      atMost(`${what}: wrong transcripts`, ledger.count('wrong'), 0),
      exactly(`${what}: served whole afterwards, of 20`, after.count('whole'), 20),
      exactly(
        `${what}: the controller lived on`,
        cluster.controller().child.exitCode === null ? pid : -1,
        pid,
      ),
    ];
  } finally {
    ledger.close();
    after.close();
    await cluster.close();
  }
}

/** Its logs lie on a file system that is full from the first minute on. */
async function withFullDisk(): Promise<Figure[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-chaos-disk-'));
  const what = 'a full disk under the logs';
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0;
  if (!mounted) {
    rmSync(folder, { recursive: true });
    return [exactly(`${what}: needs the right to mount`, 'not run', 'not run')];
  }
  try {
    chmodSync(folder, 0o700);
    return await serveUnder(what, { logDir: folder }, 30);
  } finally {
    spawnSync('umount', [folder]);
    rmSync(folder, { recursive: true, force: true });
  }
}
