import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));
const running = new Set<ChildProcess>();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-owner-'));
});
afterAll(async () => {
  await Promise.all([...running].map((child) => kill(child)));
  await rm(folder, { recursive: true });
});

/** Resolves when the controller says that it is ready, or has ended. */
async function startController(dataDir: string): Promise<{ child: ChildProcess; output: string }> {
  const child = spawn(process.execPath, [program, 'controller', '--port', '0', '--data-dir', dataDir], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  const closed = once(child, 'close');
  let output = '';
  const ready = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (output.includes('controller ready')) resolve();
    });
  });
  await Promise.race([ready, closed]);
  return { child, output };
}

async function kill(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

it('a second one says which folder is taken and what to do, and the first one goes on', async () => {
  const first = await startController('shared');
  expect(first.output).toContain('controller ready');
  const second = await startController('shared');
  expect(second.output).toContain(
    `controller could not start: another controller uses ${path.join(folder, 'shared', 'controller')}: ` +
      'stop it, or give this one another --data-dir',
  );
  expect(second.child.exitCode).toBe(1);
  const url = /url=(\S+)/.exec(first.output)?.[1] ?? '';
  expect((await fetch(`${url}/v1/files`)).status).toBe(200);
});

it('one in another folder is let in, and so is one whose predecessor was killed', async () => {
  const first = await startController('killed');
  const other = await startController('other');
  expect(other.output).toContain('controller ready');
  await kill(first.child);
  const next = await startController('killed');
  expect(next.output).toContain('controller ready');
});
