import { randomUUID } from 'node:crypto';
import { readFile, readlink, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';

/** A lock's content; `id` is this one taking of it, `machine` the place in which `pid` means something. */
const LockContent = z.object({ id: z.string(), pid: z.int(), machine: z.string() });
type LockContent = z.infer<typeof LockContent>;

/** The outcome of asking for a lock: ours until released, or someone else's, whose process id may be unreadable. */
export type LockAttempt =
  { kind: 'held'; release: () => Promise<void> } | { kind: 'busy'; pid: number | undefined };

/** How a lock is waited for. */
export interface LockOptions {
  /** How often it is asked for, 250 ms by default. */
  pollMs?: number;
  /** Waits between two attempts; the system's timer by default. */
  delay?: (ms: number, value: undefined, options: { signal?: AbortSignal }) => Promise<void>;
  signal?: AbortSignal;
  /** Called once, when the first attempt fails, with the owner's process id if it can be read. */
  onWait?: (pid: number | undefined) => void;
}

/** The owner touches its lock this often; who waits for ten times as long without seeing it, takes the lock over. */
const touchEveryMs = 3_000;

/**
 * Takes the lock file at `path` if it is free, or if its owner ran on this machine and has died. Creating the file is
 * the claim, so it works between processes, and between machines on a shared disk.
 */
export async function tryFileLock(path: string): Promise<LockAttempt> {
  const machine = await readMachine();
  const mine: LockContent = { id: randomUUID(), pid: process.pid, machine };
  for (;;) {
    if (await tryCreate(path, JSON.stringify(mine)))
      return { kind: 'held', release: keepAlive(path, mine.id) };
    const owner = await readLock(path);
    if (owner === 'gone') continue;
    if (owner === 'unreadable') return { kind: 'busy', pid: undefined };
    if (owner.machine !== machine || isAlive(owner.pid)) return { kind: 'busy', pid: owner.pid };
    if (!(await tryBreak(path, owner.id))) return { kind: 'busy', pid: owner.pid };
  }
}

/**
 * Runs `action` while holding the lock at `path`, waiting for it as long as its owner shows life. Rejects with the signal's reason when aborted, and with what `action` rejects.
 */
export async function withFileLock<T>(
  path: string,
  options: LockOptions,
  action: () => Promise<T>,
): Promise<T> {
  const { signal, pollMs = 250, delay = setTimeout } = options;
  let lastTouchMs = -1;
  let unchangedPolls = 0;
  for (let polls = 0; ; polls++) {
    signal?.throwIfAborted();
    const attempt = await tryFileLock(path);
    if (attempt.kind === 'held') {
      try {
        return await action();
      } finally {
        await attempt.release();
      }
    }
    if (polls === 0) options.onWait?.(attempt.pid);

    // Polls are counted, and clocks not compared: machines disagree on the time, and a laptop may have slept.
    const touchMs = await stat(path).then(
      (stats) => stats.mtimeMs,
      () => -1,
    );
    unchangedPolls = touchMs === lastTouchMs ? unchangedPolls + 1 : 0;
    lastTouchMs = touchMs;
    if (unchangedPolls * pollMs >= 10 * touchEveryMs) {
      const owner = await readLock(path);
      if (owner === 'unreadable') await unlink(path).catch(() => undefined);
      else if (owner !== 'gone') await tryBreak(path, owner.id);
      unchangedPolls = 0;
    }
    await delay(pollMs, undefined, { signal });
  }
}

/**
 * Removes the lock of a dead owner, and no other. Two processes may find the same lock stale, and the slower must not
 * remove what the faster has taken meanwhile: so one of them at a time may break it, and looks again before it does.
 */
async function tryBreak(path: string, id: string): Promise<boolean> {
  const guard = `${path}.${id}`;
  if (!(await tryCreate(guard, ''))) {
    // Whoever made the guard holds it for microseconds: an old one was left by a crash.
    const ageMs = await stat(guard).then(
      (stats) => Date.now() - stats.mtimeMs,
      () => 0,
    );
    if (ageMs > 60_000) await unlink(guard).catch(() => undefined);
    return false;
  }
  try {
    const owner = await readLock(path);
    if (typeof owner === 'object' && owner.id === id) await unlink(path);
    return true;
  } finally {
    await unlink(guard).catch(() => undefined);
  }
}

function keepAlive(path: string, id: string): () => Promise<void> {
  const timer = setInterval(() => {
    const now = new Date();
    // A failure shows as a lock that grows old, which is what it then is.
    utimes(path, now, now).catch(() => undefined);
  }, touchEveryMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    const owner = await readLock(path);
    if (typeof owner === 'object' && owner.id === id) await unlink(path).catch(() => undefined);
  };
}

async function tryCreate(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readLock(path: string): Promise<LockContent | 'gone' | 'unreadable'> {
  try {
    const parsed = LockContent.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : 'unreadable';
  } catch (error) {
    // A lock without its content is one that is being written at this moment.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : 'unreadable';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Containers may share a host name and a disk, but each counts its processes for itself. */
async function readMachine(): Promise<string> {
  const pidNamespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return `${hostname()} ${pidNamespace}`.trim();
}
