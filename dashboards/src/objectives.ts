import type { DashboardSpec, PanelSpec } from './dashboardSpec.js';

const windows = ['5m', '30m', '1h', '6h'] as const;

interface Objective {
  readonly name: string;
  /** The share of bad events that the objective allows. */
  readonly allowed: number;
  readonly record: string;
  readonly bad: string;
}

const objectives: readonly Objective[] = [
  {
    name: 'Availability',
    allowed: 0.01,
    record: 'cluster:ai_cluster_unavailability:ratio_rate',
    bad: 'requests that were not answered; 1 in 100 is allowed',
  },
  {
    name: 'First Token within 2 s',
    allowed: 0.05,
    record: 'cluster:ai_cluster_slow_first_tokens:ratio_rate',
    bad: 'first tokens that took longer than 2 s; 5 in 100 are allowed',
  },
];

function toPanels({ name, allowed, record, bad }: Objective): PanelSpec[] {
  return [
    {
      title: `${name}: Burn Rate Now`,
      description: `How many times what the objective allows, over an hour: at 1 its errors last for exactly 30 days.`,
      unit: 'short',
      kind: 'now',
      width: 6,
      limit: 14.4,
      queries: [[`${record}1h / ${allowed}`, 'burn rate']],
    },
    {
      title: `${name}: Bad Events`,
      description: `Share of the ${bad}, over four windows.`,
      unit: 'percentunit',
      width: 9,
      queries: windows.map((window) => [`${record}${window}`, window]),
    },
    {
      title: `${name}: Burn Rate`,
      description:
        'The long windows of the two alerts, as multiples of what the objective allows; the line is where the fast one fires.',
      unit: 'short',
      width: 9,
      limit: 14.4,
      queries: [
        [`${record}1h / ${allowed}`, '1h'],
        [`${record}6h / ${allowed}`, '6h'],
      ],
    },
  ];
}

/** Whether the cluster keeps what its operators promise. It reads what alerts.yml records. */
export const slo: DashboardSpec = {
  uid: 'ai-cluster-slo',
  title: 'AI Cluster SLO',
  description: 'Objectives and how fast their errors are used up. The rules of alerts.yml have to be loaded.',
  variables: [],
  rows: objectives.map((objective) => ({ title: objective.name, panels: toPanels(objective) })),
};
