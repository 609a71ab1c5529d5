import { ConfigError, type Settings } from '../../config/config.js';
import {
  parseGroupBy,
  usageCounts,
  UsageQuery,
  type UsageDimension,
  type UsageReport,
} from '../../protocol/usage.js';
import { toUsageCsv } from '../../protocol/usageCsv.js';
import { hasControllerStore, withControllerStore } from '../controllerStore.js';
import { formatTable } from '../table.js';
import { printLine } from '../terminal.js';

/** The options of `ai-cluster usage`, as commander knows them. */
export interface UsageOptions {
  readonly key?: string;
  readonly model?: string;
  readonly from?: string;
  readonly to?: string;
  readonly by?: string;
  readonly csv?: true;
  readonly json?: true;
}

/**
 * `ai-cluster usage`: what was used, from the store itself, whether a controller runs or not.
 *
 * @throws ConfigError where an option is wrong, Error where there is no store.
 */
export function printUsage(settings: Pick<Settings, 'dataDir'>, options: UsageOptions): void {
  const { key, model, from, to, by: groupBy, csv, json } = options;
  if (csv && json) throw new ConfigError(['--csv, --json: give one of them']);
  const query = parseQuery({ key, model, from, to, groupBy });
  const by = parseGroupBy(query.groupBy);
  const report = readReport(settings, query, by);
  if (csv) process.stdout.write(toUsageCsv(report.data, by));
  else if (json) printLine(JSON.stringify(report, null, 2));
  else printLine(toTable(report, by));
}

function parseQuery(given: Readonly<Record<string, string | undefined>>): UsageQuery {
  const parsed = UsageQuery.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: [name], message }) => {
    const flag = name === 'groupBy' ? 'by' : String(name);
    return `--${flag}: ${JSON.stringify(given[String(name)])} is not accepted; ${message}`;
  });
  throw new ConfigError(problems);
}

function readReport(
  settings: Pick<Settings, 'dataDir'>,
  { key, model, from, to }: UsageQuery,
  by: UsageDimension[],
): UsageReport {
  if (!hasControllerStore(settings)) {
    throw new Error(`no controller has stored anything in ${settings.dataDir}: give its --data-dir`);
  }
  const filter = { key, model, from, to };
  return withControllerStore(settings, ({ usage }) => ({
    data: usage.rows({ ...filter, by }),
    total: usage.total(filter),
  }));
}

const headings: Readonly<Record<(typeof usageCounts)[number], string>> = {
  requests: 'REQUESTS',
  errors: 'ERRORS',
  promptTokens: 'PROMPT',
  cachedTokens: 'CACHED',
  completionTokens: 'COMPLETION',
};

function toTable({ data, total }: UsageReport, by: readonly UsageDimension[]): string {
  const numbersOf = (row: UsageReport['total']) => usageCounts.map((name) => String(row[name]));
  const header = [...by.map((name) => name.toUpperCase()), ...usageCounts.map((name) => headings[name])];
  const rows = data.map((row) => [...by.map((name) => row[name] ?? ''), ...numbersOf(row)]);
  return formatTable(header, [
    ...rows,
    [...by.map((_, index) => (index === 0 ? 'total' : '')), ...numbersOf(total)],
  ]);
}
