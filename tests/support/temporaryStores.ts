import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { openStores, type Stores } from '../../src/stores/openStores.js';

export interface TemporaryStores {
  readonly folder: string;
  /** Seconds since 1970, as the stores see them. */
  clock: { seconds: number };
  open(): Stores;
}

/** A folder for stores that is removed when the test ends, with a clock that stands still. */
export function temporaryStores(): TemporaryStores {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-stores-'));
  const opened: Stores[] = [];
  onTestFinished(() => {
    for (const stores of opened) stores.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const clock = { seconds: 1_000_000 };
  return {
    folder,
    clock,
    open: () => {
      const stores = openStores(folder, { now: () => clock.seconds * 1000 });
      opened.push(stores);
      return stores;
    },
  };
}

/** The parts of a file's content, as they come from a socket. */
// eslint-disable-next-line @typescript-eslint/require-await -- what is streamed is an async iterable
export async function* streamOf(...parts: readonly string[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part);
}

/** Uploads a batch's input, as the route does, and returns its id. */
export async function storeInput(stores: Stores, text: string): Promise<string> {
  const staged = await stores.files.stage(streamOf(text));
  const details = { owner: 'key_1', filename: 'in.jsonl', purpose: 'batch', lifetimeSeconds: null };
  return stores.files.add(staged, details).id;
}
