import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findTypeErrors } from '../support/typeErrors.js';
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

function toSource(dashboard: Dashboard, place: number): string {
  const panels = dashboard.panels
    .filter(({ type }) => type !== 'row')
    .map(({ type, options = {}, fieldConfig, targets = [] }, index) => {
      const panel = { type, options, custom: fieldConfig?.defaults.custom ?? {}, targets };
      return `export const panel${place}x${index}: Json<Panel<'${type}'>> = ${JSON.stringify(panel)};`;
    });
  return [`export const dashboard${place}: Json<Dashboard> = ${JSON.stringify(dashboard)};`, ...panels].join(
    '\n',
  );
}

const judge = (dashboards: readonly Dashboard[]) =>
  findTypeErrors(path.join(folder, 'judged.ts'), [prelude, ...dashboards.map(toSource)].join('\n'));
const read = (file: string) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Dashboard;

it('the files have the types of the SDK, with what each kind of panel may have', { timeout: 60_000 }, () => {
  expect(files).toHaveLength(6);
  expect(judge(files.map(read))).toEqual([]);
});

describe('what Grafana does not know is found out', { timeout: 60_000 }, () => {
  const dashboard = read('overview.json');
  const [first, ...others] = dashboard.panels as [Panel, ...Panel[]];
  const withFirst = (change: object) => ({ ...dashboard, panels: [{ ...first, ...change }, ...others] });

  it.each([
    ['a part of the dashboard', { ...dashboard, refreshes: '30s' }],
    ['a part of another type', { ...dashboard, tags: 'ai-cluster' }],
    ['a value', { ...dashboard, graphTooltip: 7 }],
    ['an option of a panel', withFirst({ options: { ...first.options, colour: 'red' } })],
    ['a choice of an option', withFirst({ options: { ...first.options, orientation: 'up' } })],
    ['a part of a query', withFirst({ targets: [{ refId: 'A', promql: 'up' }] })],
  ])('%s', (_what, damaged) => {
    expect(judge([damaged as Dashboard])).not.toEqual([]);
  });
});
