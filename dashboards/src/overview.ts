import type { DashboardSpec } from './dashboardSpec.js';
import { maxBy, ofModel, quantile, quantiles, rate, ratio, series, sumBy } from './queries.js';

const requests = rate('ai_cluster_inference_requests_total', ofModel);
const errors = rate('ai_cluster_inference_requests_total', ofModel, 'status="error"');
const errorRatio = `(${sumBy('model', errors)} or 0 * ${sumBy('model', requests)}) / (${sumBy('model', requests)} > 0)`;

/** What an operator looks at first. */
export const overview: DashboardSpec = {
  uid: 'ai-cluster-overview',
  title: 'AI Cluster Overview',
  description: 'What comes in, what comes out, and whether anything is wrong.',
  variables: ['model'],
  rows: [
    {
      panels: [
        {
          title: 'Requests per Second',
          description:
            'HTTP requests answered per second, by route. Health checks and status queries are separate lines; scrapes are not counted.',
          unit: 'reqps',
          width: 12,
          queries: [[sumBy('path', rate('ai_cluster_http_requests_total')), '{{path}}']],
        },
        {
          title: 'Tokens Generated',
          description:
            'Tokens per second over the whole cluster: prompt tokens read and completion tokens produced, kept apart because they cost differently.',
          unit: 'short',
          width: 12,
          queries: [[sumBy('type', rate('ai_cluster_tokens_generated_total', ofModel)), '{{type}}']],
        },
      ],
    },
    {
      title: 'Now',
      panels: [
        {
          title: 'Healthy Nodes',
          description: 'Nodes that take requests. Below the number that is configured, NodesDown fires.',
          unit: 'short',
          kind: 'now',
          width: 4,
          queries: [[maxBy('', series('ai_cluster_cluster_nodes_total', 'status="healthy"')), 'healthy']],
        },
        {
          title: 'Errors',
          description: 'Share of the inference requests that failed, all models together.',
          unit: 'percentunit',
          kind: 'now',
          width: 4,
          limit: 0.05,
          queries: [[`(${sumBy('', errors)} or vector(0)) / (${sumBy('', requests)} > 0)`, 'failed']],
        },
        {
          title: 'First Token',
          description: 'Nineteen of twenty requests have their first token within this time.',
          unit: 's',
          kind: 'now',
          width: 4,
          limit: 2,
          queries: [[quantile(0.95, 'ai_cluster_time_to_first_token_seconds', '', ofModel), 'p95']],
        },
        {
          title: 'Between Tokens',
          description: 'Nineteen of twenty tokens come within this time behind the one before.',
          unit: 's',
          kind: 'now',
          width: 4,
          queries: [[quantile(0.95, 'ai_cluster_inter_token_latency_seconds', '', ofModel), 'p95']],
        },
        {
          title: 'Waiting',
          description: 'Requests that wait for a slot. For long above 0: more load than slots.',
          unit: 'short',
          kind: 'now',
          width: 4,
          queries: [[sumBy('', series('ai_cluster_queue_depth', ofModel)), 'waiting']],
        },
        {
          title: 'Running',
          description: 'Requests that hold a slot.',
          unit: 'short',
          kind: 'now',
          width: 4,
          queries: [[sumBy('', series('ai_cluster_cluster_active_requests')), 'running']],
        },
      ],
    },
    {
      title: 'Requests',
      panels: [
        {
          title: 'Error Ratio',
          description:
            'Share of the inference requests that failed, by model; the line is the 5% at which HighErrorRate fires. A model without traffic has no value.',
          unit: 'percentunit',
          limit: 0.05,
          queries: [[errorRatio, '{{model}}']],
        },
        {
          title: 'Inference Requests by Status',
          description:
            'Client requests per second by outcome. Rejected requests were never run, cancelled ones lost their client.',
          unit: 'reqps',
          queries: [[sumBy('status', requests), '{{status}}']],
        },
        {
          title: 'Errors by Class',
          description:
            'What went wrong per second: tries on workers, which clients may never see, and requests that were turned away.',
          unit: 'cps',
          queries: [[sumBy('class', rate('ai_cluster_errors_total')), '{{class}}']],
        },
        {
          title: 'Inference Latency',
          description:
            'From the arrival of a request to its end, of requests that a node served; the line is the 10 s at which HighLatency fires for p95.',
          unit: 's',
          limit: 10,
          queries: quantiles('ai_cluster_inference_duration_seconds', ofModel, 'node_id!="none"'),
        },
        {
          title: 'HTTP Latency',
          description:
            'From the arrival of a request to the last byte of its answer, for all routes under /v1. Includes what was refused.',
          unit: 's',
          queries: quantiles('ai_cluster_http_request_duration_seconds', 'path=~"/v1/.*"'),
        },
        {
          title: 'HTTP Responses by Status',
          description:
            'Answers of the routes under /v1 per second, by status code. 499 is a client that left before the answer began.',
          unit: 'reqps',
          queries: [
            [sumBy('status', rate('ai_cluster_http_requests_total', 'path=~"/v1/.*"')), '{{status}}'],
          ],
        },
      ],
    },
    {
      title: 'Capacity',
      panels: [
        {
          title: 'Nodes by Status',
          description:
            'Workers as the controller sees them, against the minimum below which NodesDown fires. Degraded covers workers that join, load, drain or miss heartbeats.',
          unit: 'short',
          queries: [
            [maxBy('status', series('ai_cluster_cluster_nodes_total')), '{{status}}'],
            [maxBy('', series('ai_cluster_config_min_healthy_nodes')), 'minimum healthy'],
          ],
        },
        {
          title: 'Worker Slots',
          description:
            'Busy and idle slots of all workers. No idle slot left means that new requests wait in the queue.',
          unit: 'short',
          queries: [[sumBy('state', series('ai_cluster_worker_slots', ofModel)), '{{state}}']],
        },
        {
          title: 'Queue Depth',
          description: 'Requests that wait for a free slot, by model: those of clients and batch work.',
          unit: 'short',
          queries: [
            [sumBy('model, queue', series('ai_cluster_queue_depth', ofModel)), '{{model}} {{queue}}'],
          ],
        },
        {
          title: 'Queue Wait',
          description: 'Time that requests waited for a slot; 0 while slots are free.',
          unit: 's',
          queries: quantiles('ai_cluster_queue_wait_seconds', ofModel),
        },
        {
          title: 'Queue Rejections',
          description:
            'Requests that were not given a slot, by reason: full queue, share of their key, time-out, deadline, shutdown, no worker.',
          unit: 'ops',
          queries: [[sumBy('reason', rate('ai_cluster_queue_rejected_total')), '{{reason}}']],
        },
        {
          title: 'Prompt Tokens Cached',
          description: 'Share of the prompt tokens that did not have to be evaluated, by model.',
          unit: 'percentunit',
          max: 1,
          queries: [
            [
              ratio(
                sumBy('model', rate('ai_cluster_prompt_cached_tokens_total', ofModel)),
                sumBy('model', rate('ai_cluster_prefix_cache_queried_tokens_total', ofModel)),
              ),
              '{{model}}',
            ],
          ],
        },
      ],
    },
  ],
};
