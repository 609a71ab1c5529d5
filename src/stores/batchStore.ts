import type { Principal } from '../protocol/generateRequest.js';
import type { Batch, BatchError, BatchStatus } from '../protocol/openai/batches.js';
import type { StoreDatabase } from './database.js';
import type { FileStore, StagedFile } from './fileStore.js';
import { createIdMinter } from './timeOrderedId.js';

export interface NewBatch {
  readonly endpoint: string;
  readonly inputFileId: string;
  readonly metadata: Record<string, string> | null;
  readonly windowSeconds: number;
  readonly outputLifetimeSeconds: number;
  /** Who asked, and on whose account the lines run. */
  readonly principal: Principal;
}

/** What became of one line: the whole line of the output or error file. */
export interface LineResult {
  /** Its number in the input file. */
  readonly line: number;
  readonly kind: 'output' | 'error';
  /** JSON, without the line break. */
  readonly text: string;
}

/** How a batch ends whose lines were run. */
export type BatchEnd = 'completed' | 'expired' | 'cancelled';

/**
 * Batches and the results of their lines. Each call is one transaction: what it returned from, or resolved, is on the
 * disk, and the counts fit the results at any moment.
 */
export interface BatchStore {
  create(batch: NewBatch): Batch;
  /** Nobody but the one who made it finds it. */
  find(owner: string, id: string): Batch | undefined;
  /** Whoever made it: for the controller itself. */
  get(id: string): Batch | undefined;
  principalOf(id: string): Principal;
  list(query: { owner: string; after?: string | undefined; limit: number }): Batch[];
  /** Those that have not come to an end, oldest first. */
  active(): Batch[];
  /** The batch that still needs this file, where there is one. */
  activeIdWithInput(fileId: string): string | undefined;

  // The moves from state to state; each does nothing where the batch is in another one than it starts from.
  /** validating → in_progress */
  begin(id: string, total: number): void;
  /** validating, in_progress → failed */
  fail(id: string, errors: readonly BatchError[]): void;
  /** validating, in_progress → cancelling */
  cancel(id: string): void;
  /** in_progress → finalizing */
  finalize(id: string): void;
  /** → its end, together with its files, which exist from then on. */
  finish(id: string, end: BatchEnd, files: { output?: StagedFile; error?: StagedFile }): void;

  /** Notes what became of lines; one that was noted before stays as it is. Resolves when it is on the disk. */
  record(id: string, results: readonly LineResult[]): Promise<void>;
  finishedLines(id: string): Set<number>;
  /** In the order of the input, a page at a time: results are recorded meanwhile. */
  results(id: string, kind: LineResult['kind']): Generator<string>;
}

const resultsPerPage = 100;
const activeStates = `('validating', 'in_progress', 'finalizing', 'cancelling')`;

type Row = Omit<Batch, 'object' | 'completion_window' | 'errors' | 'metadata' | 'request_counts'> &
  Batch['request_counts'] & { errors: string | null; metadata: string | null };

export function createBatchStore({
  database,
  files,
  now,
}: {
  database: StoreDatabase;
  files: Pick<FileStore, 'add'>;
  /** Milliseconds since 1970. */
  now: () => number;
}): BatchStore {
  const mintId = createIdMinter(now);
  const nowSeconds = () => Math.floor(now() / 1000);
  const move = (to: BatchStatus, from: string, more = '') =>
    database.prepare(
      `UPDATE batches SET status = '${to}', ${to}_at = :now ${more} WHERE id = :id AND status IN (${from})`,
    );
  const statements = {
    insert: database.prepare(`
      INSERT INTO batches
        (id, endpoint, input_file_id, status, created_at, expires_at, metadata, output_lifetime_seconds, principal, owner)
      VALUES (?, ?, ?, 'validating', ?, ?, ?, ?, ?, ?)
    `),
    get: database.prepare('SELECT * FROM batches WHERE id = ?'),
    find: database.prepare('SELECT * FROM batches WHERE id = ? AND owner = ?'),
    list: database.prepare(
      'SELECT * FROM batches WHERE owner = :owner AND (:after IS NULL OR id < :after) ORDER BY id DESC LIMIT :limit',
    ),
    active: database.prepare(`SELECT * FROM batches WHERE status IN ${activeStates} ORDER BY id`),
    activeWithInput: database.prepare(
      `SELECT id FROM batches WHERE input_file_id = ? AND status IN ${activeStates} LIMIT 1`,
    ),
    begin: move('in_progress', `'validating'`, ', total = :total'),
    fail: move('failed', `'validating', 'in_progress'`, ', errors = :errors'),
    cancel: move('cancelling', `'validating', 'in_progress'`),
    finalize: move('finalizing', `'in_progress'`),
    completed: move('completed', `'finalizing'`),
    expired: move('expired', `'validating', 'in_progress'`),
    cancelled: move('cancelled', `'cancelling'`),
    setFiles: database.prepare('UPDATE batches SET output_file_id = ?, error_file_id = ? WHERE id = ?'),
    addResult: database.prepare(
      'INSERT INTO batch_results (batch_id, line, kind, text) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    count: database.prepare('UPDATE batches SET completed = completed + ?, failed = failed + ? WHERE id = ?'),
    lines: database.prepare('SELECT line FROM batch_results WHERE batch_id = ?'),
    results: database.prepare(
      'SELECT line, text FROM batch_results WHERE batch_id = ? AND kind = ? AND line > ? ORDER BY line LIMIT ?',
    ),
    deleteResults: database.prepare('DELETE FROM batch_results WHERE batch_id = ?'),
  };

  function get(id: string): Batch | undefined {
    const row = statements.get.get(id);
    return row === undefined ? undefined : toBatch(row as Row);
  }

  const finish = database.transaction(
    (id: string, end: BatchEnd, { output, error }: { output?: StagedFile; error?: StagedFile }) => {
      const { owner, output_lifetime_seconds: lifetimeSeconds } = statements.get.get(id) as {
        owner: string;
        output_lifetime_seconds: number;
      };
      const add = (staged: StagedFile | undefined, kind: LineResult['kind']) =>
        staged
          ? files.add(staged, {
              owner,
              filename: `${id}_${kind}.jsonl`,
              purpose: 'batch_output',
              lifetimeSeconds,
            }).id
          : null;
      if (statements[end].run({ id, now: nowSeconds() }).changes === 0) {
        throw new Error(`the batch cannot become ${end}`);
      }
      statements.setFiles.run(add(output, 'output'), add(error, 'error'), id);
      statements.deleteResults.run(id);
    },
  );

  const record = database.asyncTransaction((id: string, results: readonly LineResult[]) => {
    const added = { output: 0, error: 0 };
    for (const { line, kind, text } of results) {
      added[kind] += statements.addResult.run(id, line, kind, text).changes;
    }
    statements.count.run(added.output, added.error, id);
  });

  return {
    create({ endpoint, inputFileId, metadata, windowSeconds, outputLifetimeSeconds, principal }) {
      const id = mintId('batch_');
      const createdAt = nowSeconds();
      statements.insert.run(
        id,
        endpoint,
        inputFileId,
        createdAt,
        createdAt + windowSeconds,
        metadata && JSON.stringify(metadata),
        outputLifetimeSeconds,
        JSON.stringify(principal),
        principal.keyId,
      );
      return get(id) as Batch;
    },
    find(owner, id) {
      const row = statements.find.get(id, owner);
      return row === undefined ? undefined : toBatch(row as Row);
    },
    get,
    principalOf: (id) => JSON.parse((statements.get.get(id) as { principal: string }).principal) as Principal,
    list: ({ owner, after = null, limit }) =>
      (statements.list.all({ owner, after, limit }) as Row[]).map(toBatch),
    active: () => (statements.active.all() as Row[]).map(toBatch),
    activeIdWithInput: (fileId) => (statements.activeWithInput.get(fileId) as { id: string } | undefined)?.id,

    begin: (id, total) => void statements.begin.run({ id, total, now: nowSeconds() }),
    fail: (id, errors) => void statements.fail.run({ id, errors: JSON.stringify(errors), now: nowSeconds() }),
    cancel: (id) => void statements.cancel.run({ id, now: nowSeconds() }),
    finalize: (id) => void statements.finalize.run({ id, now: nowSeconds() }),
    finish,

    record,
    finishedLines: (id) => new Set((statements.lines.all(id) as { line: number }[]).map(({ line }) => line)),
    *results(id, kind) {
      for (let last = 0; ;) {
        const page = statements.results.all(id, kind, last, resultsPerPage) as LineResult[];
        for (const { text } of page) yield text;
        last = page.at(-1)?.line ?? last;
        if (page.length < resultsPerPage) return;
      }
    },
  };
}

function toBatch(row: Row): Batch {
  return {
    id: row.id,
    object: 'batch',
    endpoint: row.endpoint,
    errors: row.errors === null ? null : { object: 'list', data: JSON.parse(row.errors) as BatchError[] },
    input_file_id: row.input_file_id,
    completion_window: '24h',
    status: row.status,
    output_file_id: row.output_file_id,
    error_file_id: row.error_file_id,
    created_at: row.created_at,
    in_progress_at: row.in_progress_at,
    expires_at: row.expires_at,
    finalizing_at: row.finalizing_at,
    completed_at: row.completed_at,
    failed_at: row.failed_at,
    expired_at: row.expired_at,
    cancelling_at: row.cancelling_at,
    cancelled_at: row.cancelled_at,
    request_counts: { total: row.total, completed: row.completed, failed: row.failed },
    metadata: row.metadata === null ? null : (JSON.parse(row.metadata) as Record<string, string>),
  };
}
