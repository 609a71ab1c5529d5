import { usageCounts, type UsageDimension, type UsageRow } from './usage.js';

/** Rows of usage as RFC 4180 has them, below a line with the names of the columns. */
export function toUsageCsv(rows: readonly UsageRow[], by: readonly UsageDimension[]): string {
  const columns = [...by, ...usageCounts];
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))];
  return lines.map((cells) => `${cells.map(toCell).join(',')}\r\n`).join('');
}

/** Spreadsheets take what begins like a formula for one: an apostrophe tells them that it is a text. */
function toCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
