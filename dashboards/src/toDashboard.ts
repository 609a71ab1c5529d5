import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueGraphMode,
  BigValueColorMode,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  TooltipDisplayMode,
  VizOrientation,
} from '@grafana/grafana-foundation-sdk/common';
import {
  GraphThresholdsStyleConfigBuilder,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
  type Dashboard,
  type Panel,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { DashboardSpec, PanelSpec, VariableName } from './dashboardSpec.js';

const datasource = { type: 'prometheus', uid: '${datasource}' };
const defaultWidth = 8;
const height = 8;
/** Of large numbers, which need less. */
const numberHeight = 4;

/** Dashboard JSON as Grafana imports and provisions it, checked by the types of its SDK. */
export function toDashboard(spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(['ai-cluster'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .timezone('browser')
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .variables([datasourceVariable, ...['job', 'instance', ...spec.variables].map(toVariable)]);
  let id = 1;
  for (const { title, panels } of spec.rows) {
    if (title !== undefined) builder.withRow(new RowBuilder(title).id(id++));
    for (const panel of panels) builder.withPanel(toPanel(panel, id++));
  }
  return builder.build();
}

function toPanel(spec: PanelSpec, id: number): Builder<Panel> {
  switch (spec.kind) {
    case 'now':
      return withCommon(new StatBuilder(), spec, id, numberHeight)
        .graphMode(BigValueGraphMode.Area)
        .colorMode(BigValueColorMode.Value);
    case 'bars':
      return withCommon(new BarGaugeBuilder(), spec, id, height).orientation(VizOrientation.Horizontal);
    case 'lines':
    case undefined: {
      const lines = withCommon(new TimeseriesBuilder(), spec, id, height)
        .fillOpacity(8)
        .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
        .legend(
          new VizLegendOptionsBuilder()
            .displayMode(LegendDisplayMode.List)
            .placement(LegendPlacement.Bottom)
            .showLegend(true),
        );
      if (spec.limit !== undefined)
        lines.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
      return lines;
    }
  }
}

type AnyPanel = TimeseriesBuilder | StatBuilder | BarGaugeBuilder;

function withCommon<Kind extends AnyPanel>(panel: Kind, spec: PanelSpec, id: number, rows: number): Kind {
  const { title, description, unit, queries, width = defaultWidth, limit, max } = spec;
  panel
    .id(id)
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .min(0)
    .span(width)
    .height(rows)
    .thresholds(toThresholds(limit));
  if (max !== undefined) panel.max(max);
  for (const [place, [expression, legend]] of queries.entries()) {
    panel.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode('A'.charCodeAt(0) + place))
        .datasource(datasource)
        .expr(expression)
        .legendFormat(legend),
    );
  }
  return panel;
}

function toThresholds(limit: number | undefined): ThresholdsConfigBuilder {
  const steps = [{ value: null, color: 'green' }];
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps(limit === undefined ? steps : [...steps, { value: limit, color: 'red' }]);
}

const datasourceVariable = new DatasourceVariableBuilder('datasource')
  .label('Data source')
  .description('The Prometheus that scrapes the cluster.')
  .type('prometheus');

const variables: Readonly<
  Record<VariableName | 'job' | 'instance', readonly [label: string, description: string, query: string]>
> = {
  job: ['Job', 'Controllers, workers, or both.', 'label_values(up{job=~"ai-cluster-.*"}, job)'],
  instance: [
    'Instance',
    'Narrows all panels to some processes.',
    'label_values(up{job=~"ai-cluster-.*", job=~"$job"}, instance)',
  ],
  model: [
    'Model',
    'Narrows the panels that know a model.',
    'label_values(ai_cluster_inference_requests_total{job=~"$job"}, model)',
  ],
  node: [
    'Node',
    'Narrows the panels that know a node.',
    'label_values(ai_cluster_node_status{job=~"$job"}, node_id)',
  ],
  key: [
    'API key',
    'Narrows the panels about keys.',
    'label_values(ai_cluster_api_key_requests_total{job=~"$job"}, key_id)',
  ],
};

function toVariable(name: string): Builder<VariableModel> {
  const [label, description, query] = variables[name as VariableName];
  return new QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(datasource)
    .definition(query)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ text: ['All'], value: ['$__all'] });
}
