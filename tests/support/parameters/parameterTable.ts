import { readFileSync } from 'node:fs';

/** A row of docs/parameters.md. */
export interface ParameterRow {
  readonly endpoint: string;
  readonly parameter: string;
  readonly treatment: string;
  /** Of what is refused. */
  readonly code: string | undefined;
  /** From the root of the repository. */
  readonly shownBy: string | undefined;
}

const row = /^\| `([^`]+)` +\| ([^|:]+?)(?:: `(\w+)`)? +\| .* \| \[([^\]]+)\] +\|$/;

/**
 * All rows of all tables, one for each endpoint that a heading names.
 *
 * @throws for a line of a table that is no row.
 */
export function readParameterTable(file: string): ParameterRow[] {
  const page = readFileSync(file, 'utf8');
  const links = new Map(
    [...page.matchAll(/^\[([^\]]+)\]: \.\.\/(.*)$/gm)].map(([, label, path]) => [label, path]),
  );
  return page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [heading = '', ...lines] = section.split('\n');
      const endpoints = [...heading.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
      const rows = lines.filter((line) => line.startsWith('|')).slice(2);
      return endpoints.flatMap((endpoint) =>
        rows.map((line) => {
          const [, parameter, treatment, code, label] = row.exec(line) ?? [];
          if (parameter === undefined || treatment === undefined) throw new Error(`no row: ${line}`);
          return { endpoint, parameter, treatment, code, shownBy: links.get(label) };
        }),
      );
    });
}
