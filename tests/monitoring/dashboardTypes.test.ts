import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { projectRoot } from './promtool.js';

/**
 * The files against the types of Grafana's SDK: each becomes a literal of the type `Dashboard`, and each panel one with the
 * options, the field settings and the queries of its kind, so that the compiler refuses what these do not have.
 */

const folder = path.join(projectRoot, 'dashboards');
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

interface Panel {
  readonly type: string;
  readonly options?: object;
  readonly fieldConfig?: { readonly defaults: { readonly custom?: object } };
  readonly targets?: readonly object[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
}

const prelude = `
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import type { Options as StatOptions } from '@grafana/grafana-foundation-sdk/stat';
import type { Options as BarGaugeOptions } from '@grafana/grafana-foundation-sdk/bargauge';
import type { FieldConfig, Options as TimeseriesOptions } from '@grafana/grafana-foundation-sdk/timeseries';

/** As it is in a file: methods of the SDK are not, and the members of enumerations are their values. */
type Json<T> = T extends (...args: never[]) => unknown ? never
  : T extends string ? \`\${T}\`
  : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer Item)[] ? Json<Item>[]
  : T extends object ? { [Key in keyof T as Key extends '_implementsDataqueryVariant' ? never : Key]: Json<T[Key]> }
  : T;
interface Options { stat: StatOptions; bargauge: BarGaugeOptions; timeseries: TimeseriesOptions }
interface Panel<Type extends keyof Options> {
  type: Type;
  options: Options[Type];
  custom: Type extends 'timeseries' ? FieldConfig : Record<string, never>;
  targets: Dataquery[];
}
`;

function toSource(dashboard: Dashboard): string {
  const panels = dashboard.panels
    .filter(({ type }) => type !== 'row')
    .map(({ type, options = {}, fieldConfig, targets = [] }, index) => {
      const panel = { type, options, custom: fieldConfig?.defaults.custom ?? {}, targets };
      return `export const panel${index}: Json<Panel<'${type}'>> = ${JSON.stringify(panel)};`;
    });
  return [prelude, `export const dashboard: Json<Dashboard> = ${JSON.stringify(dashboard)};`, ...panels].join(
    '\n',
  );
}

/** What the compiler has against these files, by their names. */
function judge(sources: ReadonlyMap<string, string>): string[] {
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const names = new Map([...sources].map(([name, text]) => [path.join(folder, `${name}.ts`), text]));
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => names.has(name) || fileExists(name);
  host.getSourceFile = (name, target) => {
    const text = names.get(name);
    return text === undefined ? getSourceFile(name, target) : ts.createSourceFile(name, text, target);
  };
  const program = ts.createProgram([...names.keys()], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

const read = (file: string) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Dashboard;

it('the files have the types of the SDK, with what each kind of panel may have', { timeout: 60_000 }, () => {
  expect(files).toHaveLength(6);
  expect(judge(new Map(files.map((file) => [file, toSource(read(file))])))).toEqual([]);
});

it('what Grafana does not know is found out', { timeout: 60_000 }, () => {
  const dashboard = read('overview.json');
  const [first, ...others] = dashboard.panels as [Panel, ...Panel[]];
  const damaged: Record<string, object> = {
    part: { ...dashboard, refreshes: '30s' },
    type: { ...dashboard, tags: 'ai-cluster' },
    value: { ...dashboard, graphTooltip: 7 },
    option: { ...dashboard, panels: [{ ...first, options: { ...first.options, colour: 'red' } }, ...others] },
    choice: {
      ...dashboard,
      panels: [{ ...first, options: { ...first.options, orientation: 'up' } }, ...others],
    },
    query: { ...dashboard, panels: [{ ...first, targets: [{ refId: 'A', promql: 'up' }] }, ...others] },
  };
  for (const [what, file] of Object.entries(damaged)) {
    expect([what, judge(new Map([[what, toSource(file as Dashboard)]])).length]).not.toEqual([what, 0]);
  }
});
