import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  readdirSync,
  rmSync,
  type ReadStream,
  type WriteStream,
} from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { FileObject } from '../protocol/openai/files.js';
import type { SqlDatabase } from './sqlite.js';
import { createIdMinter } from './timeOrderedId.js';

/** Bytes that are on the disk and belong to no file yet. */
export interface StagedFile {
  readonly id: string;
  readonly bytes: number;
}

export interface FileDetails {
  /** Nobody else finds it. */
  readonly owner: string;
  readonly filename: string;
  readonly purpose: string;
  /** Null: until it is deleted. */
  readonly lifetimeSeconds: number | null;
}

export interface FileQuery {
  readonly owner: string;
  readonly purpose?: string | undefined;
  readonly order: 'asc' | 'desc';
  /** The id behind which the list begins. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Files of clients: what is known of them in the database, their bytes in a folder. */
export interface FileStore {
  /** Writes the content to its end and to the disk; where that fails, nothing is left of it. */
  stage(content: AsyncIterable<Uint8Array> | Iterable<string>): Promise<StagedFile>;
  /** Makes a file of what was staged: from here on it is there. */
  add(staged: StagedFile, details: FileDetails): FileObject;
  discard(staged: StagedFile): Promise<void>;
  find(owner: string, id: string): FileObject | undefined;
  /** Whoever owns it: for the controller itself. */
  get(id: string): FileObject | undefined;
  list(query: FileQuery): FileObject[];
  /** @returns false where there is no such file. */
  delete(id: string): boolean;
  /** Fails with ENOENT where there is no such file, and where the signal aborts. */
  read(id: string, signal?: AbortSignal): ReadStream;
  /** Files whose time has come. */
  expired(): FileObject[];
  /** Removes what a process left that was killed while it wrote. Nothing may be staged meanwhile. */
  sweep(): void;
}

type Row = Omit<FileObject, 'object' | 'status'> & { readonly owner: string };

/** @throws Error where the folder cannot be made. */
export function createFileStore({
  database,
  folder,
  now,
}: {
  database: SqlDatabase;
  folder: string;
  /** Milliseconds since 1970. */
  now: () => number;
}): FileStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const mintId = createIdMinter(now);
  const pathOf = (id: string) => path.join(folder, id);
  const nowSeconds = () => Math.floor(now() / 1000);

  const selectPage = (comparison: '<' | '>', direction: 'ASC' | 'DESC') =>
    database.prepare(`
      SELECT * FROM files
      WHERE owner = :owner AND (:purpose IS NULL OR purpose = :purpose) AND (:after IS NULL OR id ${comparison} :after)
      ORDER BY id ${direction} LIMIT :limit
    `);
  const statements = {
    insert: database.prepare(`
      INSERT INTO files (id, bytes, created_at, expires_at, filename, purpose, owner)
      VALUES (:id, :bytes, :created_at, :expires_at, :filename, :purpose, :owner)
    `),
    get: database.prepare('SELECT * FROM files WHERE id = ?'),
    find: database.prepare('SELECT * FROM files WHERE id = ? AND owner = ?'),
    asc: selectPage('>', 'ASC'),
    desc: selectPage('<', 'DESC'),
    delete: database.prepare('DELETE FROM files WHERE id = ?'),
    expired: database.prepare('SELECT * FROM files WHERE expires_at <= ?'),
  };

  return {
    async stage(content) {
      const id = mintId('file-');
      const temporary = `${pathOf(id)}.part`;
      const output = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true });
      try {
        await pipeline(content, output);
        await rename(temporary, pathOf(id));
        await syncFolder(folder);
      } catch (error) {
        await closed(output);
        await Promise.all([rm(temporary, { force: true }), rm(pathOf(id), { force: true })]);
        throw error;
      }
      return { id, bytes: output.bytesWritten };
    },

    add({ id, bytes }, { owner, filename, purpose, lifetimeSeconds }) {
      const createdAt = nowSeconds();
      const row: Row = {
        id,
        bytes,
        created_at: createdAt,
        expires_at: lifetimeSeconds === null ? null : createdAt + lifetimeSeconds,
        filename,
        purpose,
        owner,
      };
      statements.insert.run(row);
      return toFile(row);
    },

    discard: ({ id }) => rm(pathOf(id), { force: true }),

    find(owner, id) {
      const row = statements.find.get(id, owner);
      return row === undefined ? undefined : toFile(row as Row);
    },
    get(id) {
      const row = statements.get.get(id);
      return row === undefined ? undefined : toFile(row as Row);
    },

    list: ({ owner, purpose = null, after = null, order, limit }) =>
      (statements[order].all({ owner, purpose, after, limit }) as Row[]).map(toFile),

    delete(id) {
      // The other way round, a crash in between would leave a file without its bytes.
      if (statements.delete.run(id).changes === 0) return false;
      rmSync(pathOf(id), { force: true });
      return true;
    },

    read: (id, signal) => createReadStream(pathOf(id), { signal }),

    expired: () => (statements.expired.all(nowSeconds()) as Row[]).map(toFile),

    sweep() {
      for (const name of readdirSync(folder)) {
        if (statements.get.get(name) === undefined) rmSync(pathOf(name), { force: true });
      }
    },
  };
}

function toFile({ id, bytes, created_at, expires_at, filename, purpose }: Row): FileObject {
  return { id, object: 'file', bytes, created_at, expires_at, filename, purpose, status: 'processed' };
}

/** What fails before it was opened may still come to be: only what is closed can be removed for good. */
async function closed(output: WriteStream): Promise<void> {
  if (!output.closed) await new Promise<void>((resolve) => void output.once('close', () => resolve()));
}

/** So that the new name, too, outlives a crash of the machine. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
