import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readLines, readText, TooLongError } from '../../../src/controller/upstream/readLines.js';

// eslint-disable-next-line @typescript-eslint/require-await
async function* piecesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const read: string[] = [];
  for await (const line of lines) read.push(line);
  return read;
}

it('the same lines, wherever the pieces are cut, also within a character', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''))),
      fc.array(fc.integer({ min: 0, max: 200 })),
      async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(await all(readLines(piecesOf(pieces), 10_000))).toEqual(lines);
      },
    ),
  );
});

it('what stands behind the last line break is no line', async () => {
  expect(await all(readLines(piecesOf([Buffer.from('a\nb')]), 10))).toEqual(['a']);
});

it('no more is held than a line may have', async () => {
  const endless = piecesOf(Array.from({ length: 1_000 }, () => Buffer.alloc(100, 'x')));
  await expect(all(readLines(endless, 1_000))).rejects.toBeInstanceOf(TooLongError);
  expect((await endless.next()).done).toBe(true);
  await expect(all(readLines(piecesOf([Buffer.from('long\n')]), 3))).rejects.toBeInstanceOf(TooLongError);
  await expect(readText(piecesOf([Buffer.alloc(4)]), 3)).rejects.toBeInstanceOf(TooLongError);
});
