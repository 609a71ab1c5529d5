import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** A file that grows while it is downloaded, and the digest of what it holds. */
export interface PartialFile {
  /** What the file holds, with what an earlier download left behind. */
  readonly receivedBytes: number;
  /** Resolves when the bytes are written: awaiting it is the backpressure. */
  append: (chunk: Uint8Array) => Promise<void>;
  /** Throws away what the file holds. */
  restart: () => Promise<void>;
  /** The SHA-256 of all bytes so far, in hexadecimal. */
  digest: () => string;
  /** Flushes to the disk and closes. */
  close: () => Promise<void>;
}

/** Opens or creates the file at `path` for appending, and hashes what is already in it. */
export async function openPartialFile(path: string, signal?: AbortSignal): Promise<PartialFile> {
  const handle = await open(path, 'a');
  try {
    let hash = createHash('sha256');
    let receivedBytes = (await handle.stat()).size;
    if (receivedBytes > 0) {
      // Hashed in a stream of its own that must not end the hash: more is to come.
      await pipeline(
        createReadStream(path, { end: receivedBytes - 1 }),
        async (source: AsyncIterable<Buffer>) => {
          for await (const chunk of source) hash.update(chunk);
        },
        { signal },
      );
    }
    return {
      get receivedBytes() {
        return receivedBytes;
      },
      append: async (chunk) => {
        await handle.appendFile(chunk);
        hash.update(chunk);
        receivedBytes += chunk.length;
      },
      restart: async () => {
        await handle.truncate(0);
        hash = createHash('sha256');
        receivedBytes = 0;
      },
      digest: () => hash.copy().digest('hex'),
      close: async () => {
        await handle.sync();
        await handle.close();
      },
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
