import {
  noUsage,
  type UsageCounts,
  type UsageDimension,
  type UsageFilter,
  type UsageRow,
} from '../protocol/usage.js';
import type { StoreDatabase } from './database.js';

/** What one request used. */
export interface Use {
  readonly key: string;
  readonly model: string;
  readonly isError: boolean;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

export interface UsageSelection extends UsageFilter {
  /** What the rows are told apart by, one at least; they are sorted in this order. */
  readonly by: readonly UsageDimension[];
}

/** What was used, by key, model and day of UTC. */
export interface UsageStore {
  /** Adds a request to its day, which is the one in which it ends. Survives a kill of the process when it returns. */
  record(use: Use): void;
  /** Tokens of prompts and answers of a key since the day and the month began. */
  spent(key: string): { readonly day: number; readonly month: number };
  rows(selection: UsageSelection): UsageRow[];
  total(filter: UsageFilter): UsageCounts;
}

const sums = `
  sum(requests) AS requests, sum(errors) AS errors, sum(prompt_tokens) AS promptTokens,
  sum(cached_tokens) AS cachedTokens, sum(completion_tokens) AS completionTokens
`;
const matches = `
  (:key IS NULL OR key = :key) AND (:model IS NULL OR model = :model)
  AND (:from IS NULL OR day >= :from) AND (:to IS NULL OR day <= :to)
`;

export function createUsageStore({
  database,
  now,
}: {
  database: StoreDatabase;
  /** Milliseconds since 1970. */
  now: () => number;
}): UsageStore {
  const add = database.prepare(`
    INSERT INTO usage VALUES (?, ?, ?, 1, ?, ?, ?, ?)
    ON CONFLICT (key, day, model) DO UPDATE SET
      requests = requests + 1,
      errors = errors + excluded.errors,
      prompt_tokens = prompt_tokens + excluded.prompt_tokens,
      cached_tokens = cached_tokens + excluded.cached_tokens,
      completion_tokens = completion_tokens + excluded.completion_tokens
  `);
  const spent = database.prepare(`
    SELECT
      coalesce(sum(prompt_tokens + completion_tokens) FILTER (WHERE day = :today), 0) AS day,
      coalesce(sum(prompt_tokens + completion_tokens), 0) AS month
    FROM usage WHERE key = :key AND day BETWEEN :month || '-01' AND :month || '-31'
  `);
  // Without rows there is no row, where a sum over nothing would be null.
  const total = database.prepare(`SELECT ${sums} FROM usage WHERE ${matches} HAVING count(*) > 0`);
  const today = () => new Date(now()).toISOString().slice(0, 'YYYY-MM-DD'.length);

  return {
    record: database.lazily(({ key, model, isError, promptTokens, cachedTokens, completionTokens }: Use) => {
      add.run(key, today(), model, Number(isError), promptTokens, cachedTokens, completionTokens);
    }),
    spent(key) {
      const date = today();
      const month = date.slice(0, 'YYYY-MM'.length);
      const row = spent.get({ key, today: date, month }) as { day: number; month: number };
      return { day: row.day, month: row.month };
    },
    rows({ by, ...filter }) {
      const columns = by.join(', ');
      const select = `SELECT ${columns}, ${sums} FROM usage WHERE ${matches} GROUP BY ${columns} ORDER BY ${columns}`;
      return database.prepare(select).all(toParameters(filter)) as UsageRow[];
    },
    total(filter) {
      const [row] = total.all(toParameters(filter)) as UsageCounts[];
      return row ?? noUsage;
    },
  };
}

function toParameters({ key = null, model = null, from = null, to = null }: NullableFilter) {
  return { key, model, from, to };
}

type NullableFilter = { readonly [Name in keyof UsageFilter]: UsageFilter[Name] | null };
