import type { Query } from './queries.js';

/** A dashboard before it is JSON: `toDashboard.ts` makes it that. */
export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** Beside data source, Job and Instance, which every dashboard has. */
  readonly variables: readonly VariableName[];
  readonly rows: readonly RowSpec[];
}

export type VariableName = 'model' | 'node' | 'key';

export interface RowSpec {
  /** Undefined: panels at the top, without a heading. */
  readonly title?: string;
  readonly panels: readonly PanelSpec[];
}

export interface PanelSpec {
  readonly title: string;
  /** What it shows and what to think of it: whole sentences. */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Lines over time where nothing is said; `now` is one large number, `bars` one bar for each series. */
  readonly kind?: 'lines' | 'now' | 'bars';
  /** Of the 24 columns. */
  readonly width?: number;
  /** Where an alert fires: a red line. */
  readonly limit?: number;
  /** The largest possible value. */
  readonly max?: number;
}

/** As Grafana names them. */
export type Unit = 'short' | 's' | 'bytes' | 'reqps' | 'ops' | 'cps' | 'percentunit';
