import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import type OpenAI from 'openai';
import { expect } from 'vitest';
import { collect, rejection, type Behaviour, type Stage } from './behaviour.js';

/** All byte values, and lines that look like the end of a form. */
const content = Buffer.concat([
  Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  Buffer.from('\r\n--boundary--\r\n{"a":1}\r\n'),
]);

async function contentOf(client: OpenAI, id: string): Promise<Buffer> {
  return Buffer.from(await (await client.files.content(id)).arrayBuffer());
}

/** Uploads `count` files, one after another, and removes them when `use` has ended. */
async function withFiles(
  { client, toFile }: Stage,
  purpose: 'vision' | 'assistants',
  count: number,
  use: (ids: readonly string[]) => Promise<void>,
): Promise<void> {
  const ids: string[] = [];
  try {
    for (let index = 0; index < count; index++) {
      const file = await toFile(Buffer.from(String(index)), `${index}.txt`);
      ids.push((await client.files.create({ file, purpose })).id);
    }
    await use(ids);
  } finally {
    for (const id of ids) await client.files.delete(id);
  }
}

export const files: readonly Behaviour[] = [
  {
    name: 'uploads a file from all that it takes for one, and downloads the same bytes',
    async run({ client, toFile, toStreamingFile }) {
      const folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-client-'));
      const onDisk = path.join(folder, 'sent.bin');
      await writeFile(onDisk, content);
      const chunks = () => Readable.from([content.subarray(0, 100), content.subarray(100)]);
      const uploads = {
        'a stream of the disk': createReadStream(onDisk),
        'a Buffer': await toFile(content, 'sent.bin'),
        'a File': new File([content], 'sent.bin'),
        'an answer of fetch': await toFile(new Response(content), 'sent.bin'),
        'chunks that come one by one': await toFile(chunks(), 'sent.bin'),
        'chunks of unknown length': toStreamingFile(chunks(), 'sent.bin'),
      };
      for (const [kind, file] of Object.entries(uploads)) {
        const sent = await client.files.create({ file, purpose: 'user_data' });
        expect(sent, kind).toMatchObject({
          object: 'file',
          bytes: content.length,
          filename: 'sent.bin',
          purpose: 'user_data',
          status: 'processed',
        });
        expect(await contentOf(client, sent.id), kind).toEqual(content);
        await client.files.delete(sent.id);
      }
      await rm(folder, { recursive: true });
    },
  },
  {
    name: 'uploads a file of some megabytes',
    async run({ client, toStreamingFile }) {
      const part = Buffer.alloc(1024 * 1024, 'every small robot\n');
      const parts = Array<Buffer>(12).fill(part);
      const file = toStreamingFile(Readable.from(parts), 'large.txt');
      const { id, bytes } = await client.files.create({ file, purpose: 'user_data' });
      expect(bytes).toBe(12 * part.length);
      expect((await contentOf(client, id)).equals(Buffer.concat(parts))).toBe(true);
      await client.files.delete(id);
    },
  },
  {
    name: 'gets the name of a file back as it was, whatever is in it',
    async run({ client, toFile }) {
      for (const name of ['wörld 🦙.jsonl', 'with "quotes" and spaces.txt', 'a;b=c.txt']) {
        const { id } = await client.files.create({ file: await toFile(content, name), purpose: 'user_data' });
        expect((await client.files.retrieve(id)).filename).toBe(name);
        await client.files.delete(id);
      }
    },
  },
  {
    name: 'says when a file expires',
    async run({ client, toFile }) {
      const file = await toFile(content, 'short.txt');
      const expires_after = { anchor: 'created_at' as const, seconds: 3600 };
      const sent = await client.files.create({ file, purpose: 'user_data', expires_after });
      expect(sent.expires_at).toBe(sent.created_at + 3600);
      await client.files.delete(sent.id);
    },
  },
  {
    name: 'lists files page by page, and through all pages at once, in both orders',
    async run(stage) {
      const { list } = stage.client.files;
      const listFiles = list.bind(stage.client.files);
      await withFiles(stage, 'vision', 5, async (ids) => {
        const first = await listFiles({ purpose: 'vision', order: 'asc', limit: 2 });
        expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
        expect(first.hasNextPage()).toBe(true);
        const second = await first.getNextPage();
        const third = await second.getNextPage();
        expect(third.data.map(({ id }) => id)).toEqual(ids.slice(4));
        expect(third.hasNextPage()).toBe(false);

        for (const order of ['asc', 'desc'] as const) {
          const found = await collect(listFiles({ purpose: 'vision', order, limit: 2 }));
          expect(found.map(({ id }) => id)).toEqual(order === 'asc' ? ids : ids.toReversed());
        }
        const pages = await collect((await listFiles({ purpose: 'vision', limit: 2 })).iterPages());
        expect(pages.map(({ data }) => data.length)).toEqual([2, 2, 1]);
        expect((await listFiles({ purpose: 'fine-tune' })).data).toEqual([]);
      });
    },
  },
  {
    name: 'waits for a file, deletes it, and is told that it is gone',
    async run({ client, toFile, OpenAI }) {
      const sent = await client.files.create({ file: await toFile(content, 'a.bin'), purpose: 'user_data' });
      expect(await client.files.waitForProcessing(sent.id)).toMatchObject(sent);
      expect(await client.files.delete(sent.id)).toMatchObject({
        id: sent.id,
        object: 'file',
        deleted: true,
      });
      for (const ask of [
        () => client.files.retrieve(sent.id),
        () => client.files.content(sent.id),
        () => client.files.delete(sent.id),
      ]) {
        const error = await rejection(ask());
        expect(error).toBeInstanceOf(OpenAI.NotFoundError);
        expect(error).toMatchObject({ status: 404, type: 'invalid_request_error', param: 'id', code: null });
      }
    },
  },
];
