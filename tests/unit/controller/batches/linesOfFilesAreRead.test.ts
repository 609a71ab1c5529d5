import { expect, it } from 'vitest';
import { readLines } from '../../../../src/controller/batches/readLines.js';

async function read(parts: readonly (string | Buffer)[], maxLineBytes = 100) {
  // eslint-disable-next-line @typescript-eslint/require-await -- what is streamed is an async iterable
  async function* chunks() {
    for (const part of parts) yield Buffer.from(part);
  }
  const lines: [number, string | undefined][] = [];
  for await (const { number, text } of readLines(chunks(), maxLineBytes)) lines.push([number, text]);
  return lines;
}

it('with their numbers, whether or not the last one is ended', async () => {
  expect(await read(['one\ntwo\n'])).toEqual([
    [1, 'one'],
    [2, 'two'],
  ]);
  expect(await read(['one\ntwo'])).toEqual([
    [1, 'one'],
    [2, 'two'],
  ]);
  expect(await read([])).toEqual([]);
  expect(await read(['\n\n'])).toEqual([]);
});

it('the same however the bytes are cut', async () => {
  const text = Buffer.from('{"a":"Grüße 🙂"}\n\n{"b":2}\n');
  const expected = [
    [1, '{"a":"Grüße 🙂"}'],
    [3, '{"b":2}'],
  ];
  for (let size = 1; size <= text.length; size++) {
    const parts: Buffer[] = [];
    for (let at = 0; at < text.length; at += size) parts.push(text.subarray(at, at + size));
    expect(await read(parts)).toEqual(expected);
  }
});

it('with blank ones counted and left out', async () => {
  expect(await read(['\none\n  \r\ntwo\n'])).toEqual([
    [2, 'one'],
    [4, 'two'],
  ]);
});

it('only ended by line feeds: other separators are text', async () => {
  expect(await read(['{"a":"x\u2028y\u2029z"}\n'])).toEqual([[1, '{"a":"x\u2028y\u2029z"}']]);
});

it('without the mark that Windows puts at the beginning', async () => {
  expect(await read(['\ufeff{"a":1}\r\n{"b":2}'])).toEqual([
    [1, '{"a":1}\r'],
    [2, '{"b":2}'],
  ]);
});

it('as unreadable where they are too long or not UTF-8, and on behind them', async () => {
  const long = 'x'.repeat(11);
  expect(await read([`${long.slice(0, 6)}`, `${long.slice(6)}\n${long.slice(1)}\n`], 10)).toEqual([
    [1, undefined],
    [2, long.slice(1)],
  ]);
  expect(await read([Buffer.from([0xff, 0xfe, 0x0a]), 'good'])).toEqual([
    [1, undefined],
    [2, 'good'],
  ]);
});
