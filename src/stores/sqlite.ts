import Database from 'libsql';

/** What a statement can be given, and what its rows hold. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/** Values for `?` in order, or one object with a value for each `:name`. */
export type SqlParameters = readonly SqlValue[] | readonly [Readonly<Record<string, SqlValue>>];

/** Calls are synchronous. */
export interface SqlStatement {
  run(...parameters: SqlParameters): { readonly changes: number };
  /** The first row; undefined where there is none. */
  get(...parameters: SqlParameters): unknown;
  all(...parameters: SqlParameters): unknown[];
}

export interface SqlDatabase {
  prepare(sql: string): SqlStatement;
  /** Several statements; without parameters and without a result. */
  exec(sql: string): void;
  /** Its rows. */
  pragma(source: string): unknown[];
  /**
   * `action` as one transaction, which is undone where it throws. It has the right to write from its beginning: what it
   * reads is not changed by another process before it writes.
   */
  transaction<Args extends unknown[], Result>(action: (...args: Args) => Result): (...args: Args) => Result;
  close(): void;
}

/**
 * Opens a SQLite file. This is the only place that knows libsql, because libsql ends the whole process where a boolean
 * is bound: here nothing comes through but what SQLite knows.
 */
export function openSqlite(file: string): SqlDatabase {
  const database = new Database(file);
  return {
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        run: (...parameters) => statement.run(toBound(parameters)),
        get: (...parameters) => statement.get(toBound(parameters)),
        all: (...parameters) => statement.all(toBound(parameters)),
      };
    },
    exec: (sql) => void database.exec(sql),
    pragma: (source) => database.pragma(source) as unknown[],
    transaction: (action) => database.transaction(action).immediate,
    close: () => void database.close(),
  };
}

/** One argument for libsql, which would take a lone null or lone bytes for an object with names. */
function toBound(parameters: readonly unknown[]): object {
  const [first] = parameters;
  const bound = parameters.length === 1 && isRecord(first) ? first : parameters;
  for (const [name, value] of Object.entries(bound)) {
    if (!isSqlValue(value)) throw new TypeError(`parameter ${name} of a statement is a ${typeof value}`);
  }
  return bound;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isSqlValue(value: unknown): value is SqlValue {
  return (
    value === null || ['string', 'number', 'bigint'].includes(typeof value) || value instanceof Uint8Array
  );
}
