import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { digestModelFile } from '../../../../src/worker/engine/modelDigest.js';

async function digestOf(content: Buffer, name = 'model.gguf'): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-digest-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, name);
  await writeFile(file, content);
  return digestModelFile(file);
}

const large = Buffer.alloc(10_000_000, 1);

it('is the same for the same content under another name', async () => {
  expect(await digestOf(large, 'a.gguf')).toBe(await digestOf(large, 'b.gguf'));
});

it.each([
  ['at the beginning', 0],
  ['at the end', large.length - 1],
])('is another one where a byte differs %s', async (_where, index) => {
  const other = Buffer.from(large);
  other[index] = 2;
  expect(await digestOf(other)).not.toBe(await digestOf(large));
});

it('is another one for another size', async () => {
  expect(await digestOf(large.subarray(1))).not.toBe(await digestOf(large));
});

it('works for files that are smaller than a sample, and for empty ones', async () => {
  expect(await digestOf(Buffer.from('GGUF'))).not.toBe(await digestOf(Buffer.alloc(0)));
});
