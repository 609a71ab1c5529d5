import type { DashboardSpec } from './dashboardSpec.js';
import { increase, maxBy, ofNode, quantile, rate, ratio, series, sumBy } from './queries.js';

/** Which nodes there are, how they do, and how requests get past those that fail. */
export const nodes: DashboardSpec = {
  uid: 'ai-cluster-nodes',
  title: 'AI Cluster Nodes',
  description: 'Health of nodes, recovery, network, machines.',
  variables: ['node'],
  rows: [
    {
      title: 'Health',
      panels: [
        {
          title: 'Node Status',
          description: 'The status of each node: 1 while it has it. `ai-cluster nodes` says why.',
          unit: 'short',
          queries: [
            [
              `${maxBy('node_id, status', series('ai_cluster_node_status', ofNode))} == 1`,
              '{{node_id}} {{status}}',
            ],
          ],
        },
        {
          title: 'All Nodes',
          description:
            'Nodes by status, and the status of each as a number: 0 offline, 1 online, 2 busy, 3 unknown.',
          unit: 'short',
          queries: [
            [maxBy('status', series('ai_cluster_nodes')), '{{status}}'],
            [maxBy('node_id', series('ai_cluster_node_status_code', ofNode)), '{{node_id}} code'],
          ],
        },
        {
          title: 'Circuit Breakers',
          description:
            'Breakers that are not closed: 1 while it is so. Five failed requests in a row open one.',
          unit: 'short',
          queries: [
            [
              maxBy('node_id, state', series('ai_cluster_circuit_breaker_state', ofNode, 'state!="closed"')),
              '{{node_id}} {{state}}',
            ],
          ],
        },
        {
          title: 'Failures in a Row',
          description:
            'Requests that failed in a row on each node. From five on its breaker is open; the line is where ConsecutiveFailures fires.',
          unit: 'short',
          limit: 10,
          queries: [
            [maxBy('node_id', series('ai_cluster_node_consecutive_failures', ofNode)), '{{node_id}}'],
          ],
        },
        {
          title: 'Circuit Breaker Changes',
          description: 'Changes of the breakers. A node that opens again and again works for a moment only.',
          unit: 'short',
          queries: [
            [
              sumBy('node_id, to', increase('ai_cluster_circuit_breaker_transitions_total', ofNode)),
              '{{node_id}} {{to}}',
            ],
          ],
        },
        {
          title: 'Ejections and Restarts',
          description:
            'Nodes that were left out because they did worse than their peers, and nodes whose process was replaced.',
          unit: 'short',
          queries: [
            [
              sumBy('node_id, reason', increase('ai_cluster_node_ejections_total', ofNode)),
              '{{node_id}} {{reason}}',
            ],
            [sumBy('node_id', increase('ai_cluster_node_restarts_total', ofNode)), '{{node_id}} restart'],
          ],
        },
        {
          title: 'Health Checks',
          description: 'Health probes per second by what came of them.',
          unit: 'ops',
          queries: [
            [
              sumBy('node_id, status', rate('ai_cluster_health_checks_total', ofNode)),
              '{{node_id}} {{status}}',
            ],
          ],
        },
        {
          title: 'Health Check Time',
          description: 'Until a probe was answered. It creeps up before a node begins to fail.',
          unit: 's',
          queries: [
            [
              quantile(0.95, 'ai_cluster_health_check_duration_seconds', 'node_id', ofNode),
              '{{node_id}} p95',
            ],
          ],
        },
        {
          title: 'Last Heartbeat',
          description: 'Time since each node was heard. From 2.5 s on it gets no requests.',
          unit: 's',
          limit: 2.5,
          queries: [[maxBy('node_id', series('ai_cluster_node_report_age_seconds', ofNode)), '{{node_id}}']],
        },
        {
          title: 'Uptime',
          description: 'Time since the process of each node started; a drop is a restart.',
          unit: 's',
          queries: [[maxBy('node_id', series('ai_cluster_node_uptime_seconds', ofNode)), '{{node_id}}']],
        },
        {
          title: 'Last Success',
          description: 'Time since a request last came to its end on each node.',
          unit: 's',
          queries: [
            [
              `time() - ${maxBy('node_id', series('ai_cluster_node_last_success_timestamp_seconds', ofNode))}`,
              '{{node_id}}',
            ],
          ],
        },
        {
          title: 'Active Requests per Node',
          description: 'Requests that hold a slot, by node. One node far above the others is a hot spot.',
          unit: 'short',
          queries: [[sumBy('node_id', series('ai_cluster_cluster_active_requests', ofNode)), '{{node_id}}']],
        },
      ],
    },
    {
      title: 'Recovery',
      panels: [
        {
          title: 'Attempts by Outcome',
          description:
            'Tries of requests on workers per second. Errors of one node that clients do not see show up here first.',
          unit: 'ops',
          queries: [
            [
              sumBy('node_id, outcome', rate('ai_cluster_upstream_attempts_total', ofNode)),
              '{{node_id}} {{outcome}}',
            ],
          ],
        },
        {
          title: 'Success of Tries',
          description: 'Share of the tries that came to their end, of those that ended by themselves.',
          unit: 'percentunit',
          max: 1,
          queries: [
            [
              ratio(
                sumBy('node_id', rate('ai_cluster_upstream_attempts_total', ofNode, 'outcome="success"')),
                sumBy(
                  'node_id',
                  rate('ai_cluster_upstream_attempts_total', ofNode, 'outcome=~"success|error|timeout"'),
                ),
              ),
              '{{node_id}}',
            ],
          ],
        },
        {
          title: 'Time of Tries',
          description: 'From the slot to the end of a try, by node.',
          unit: 's',
          queries: [
            [
              quantile(0.95, 'ai_cluster_upstream_attempt_duration_seconds', 'node_id', ofNode),
              '{{node_id}} p95',
            ],
          ],
        },
        {
          title: 'Retries and Resumes',
          description:
            'Tries per second that followed another one, by what was wrong with that, and answers that went on at another worker.',
          unit: 'ops',
          queries: [
            [sumBy('reason', rate('ai_cluster_retries_total')), '{{reason}}'],
            [sumBy('result', rate('ai_cluster_stream_resumes_total')), 'resume: {{result}}'],
          ],
        },
        {
          title: 'Retry Budget',
          description:
            'What is left of the retries that 10 seconds allow. At 0 failures are passed on to clients.',
          unit: 'percentunit',
          max: 1,
          queries: [[`min(${series('ai_cluster_retry_budget_remaining_ratio')})`, 'left']],
        },
        {
          title: 'Tokens Wasted',
          description: 'Tokens per second that were evaluated by tries that did not come to their end.',
          unit: 'short',
          queries: [[sumBy('', rate('ai_cluster_tokens_wasted_total')), 'tokens']],
        },
      ],
    },
    {
      title: 'Routing and network',
      panels: [
        {
          title: 'Routes by Reason',
          description: 'Requests per second by what decided where they went.',
          unit: 'reqps',
          queries: [
            [sumBy('policy, reason', rate('ai_cluster_routing_decisions_total')), '{{policy}} {{reason}}'],
          ],
        },
        {
          title: 'Decision Time',
          description: 'How long the policy takes to choose a node.',
          unit: 's',
          queries: [
            [quantile(0.95, 'ai_cluster_routing_decision_duration_seconds', 'policy'), '{{policy}} p95'],
          ],
        },
        {
          title: 'Messages',
          description: 'Messages per second between the controller and workers.',
          unit: 'ops',
          queries: [
            [sumBy('direction, type', rate('ai_cluster_upstream_messages_total')), '{{direction}} {{type}}'],
          ],
        },
        {
          title: 'Network Latency',
          description:
            'To an open connection, and to the first byte of an answer; the line is where HighResponseTime fires.',
          unit: 's',
          limit: 1,
          queries: [
            [
              quantile(0.95, 'ai_cluster_upstream_latency_seconds', 'node_id, phase', ofNode),
              '{{node_id}} {{phase}} p95',
            ],
          ],
        },
        {
          title: 'Connections to Workers',
          description: 'Open connections, by whether a request runs on them.',
          unit: 'short',
          queries: [
            [
              sumBy('node_id, state', series('ai_cluster_upstream_connections', ofNode)),
              '{{node_id}} {{state}}',
            ],
          ],
        },
        {
          title: 'Tokens per Second by Node',
          description:
            'Completion tokens of the last 10 s, per second and node. It depends on the hardware and on how busy the node is.',
          unit: 'short',
          queries: [[sumBy('node_id', series('ai_cluster_tokens_per_second', ofNode)), '{{node_id}}']],
        },
      ],
    },
    {
      title: 'Machines',
      panels: [
        {
          title: 'Machine CPU',
          description:
            'Cores of the machine that compute, by mode and worker. Much of it without the workers: other programs.',
          unit: 'short',
          queries: [
            [
              sumBy('instance, mode', rate('ai_cluster_worker_system_cpu_seconds_total', 'mode!="idle"')),
              '{{instance}} {{mode}}',
            ],
          ],
        },
        {
          title: 'Machine Memory',
          description: 'Memory in use on the machine of each worker, and what the machine of each node has.',
          unit: 'bytes',
          queries: [
            [maxBy('instance', series('ai_cluster_worker_system_memory_used_bytes')), '{{instance}} used'],
            [maxBy('node_id', series('ai_cluster_node_memory_bytes', ofNode)), '{{node_id}} all'],
          ],
        },
        {
          title: 'Cores and Layers',
          description: 'Processors of the machine of each node, and the layers of its largest model.',
          unit: 'short',
          kind: 'bars',
          queries: [
            [maxBy('node_id', series('ai_cluster_node_cpu_cores', ofNode)), '{{node_id}} cores'],
            [maxBy('node_id', series('ai_cluster_node_max_layers', ofNode)), '{{node_id}} layers'],
          ],
        },
        {
          title: 'Engine',
          description: 'Whether each worker serves its models: 0 while it loads or stops.',
          unit: 'short',
          queries: [
            [`min by (instance, model) (${series('ai_cluster_worker_engine_up')})`, '{{instance}} {{model}}'],
          ],
        },
        {
          title: 'GPU Memory',
          description: 'Memory of GPUs in use. Nothing where there is none.',
          unit: 'bytes',
          queries: [
            [
              maxBy('instance, gpu', series('ai_cluster_worker_gpu_memory_used_bytes')),
              '{{instance}} {{gpu}}',
            ],
          ],
        },
        {
          title: 'GPU Utilization',
          description: 'Share of the time in which GPUs computed. Nothing where there is none.',
          unit: 'percentunit',
          max: 1,
          queries: [
            [
              maxBy('instance, gpu', series('ai_cluster_worker_gpu_utilization_ratio')),
              '{{instance}} {{gpu}}',
            ],
          ],
        },
      ],
    },
  ],
};
