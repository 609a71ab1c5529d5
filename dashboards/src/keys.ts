import type { DashboardSpec } from './dashboardSpec.js';
import { ofKey, rate, ratio, sumBy } from './queries.js';

/** Who uses the cluster, and who is refused. */
export const keys: DashboardSpec = {
  uid: 'ai-cluster-keys',
  title: 'AI Cluster Keys',
  description: 'Requests by API key, limits, refusals. `ai-cluster keys` has the names of the keys.',
  variables: ['key'],
  rows: [
    {
      panels: [
        {
          title: 'Requests by API Key',
          description: 'Inference requests per second of the ten busiest keys.',
          unit: 'reqps',
          width: 12,
          queries: [
            [`topk(10, ${sumBy('key_id', rate('ai_cluster_api_key_requests_total', ofKey))})`, '{{key_id}}'],
          ],
        },
        {
          title: 'Requests by Outcome',
          description: 'Inference requests per second of the chosen keys, by outcome.',
          unit: 'reqps',
          width: 12,
          queries: [[sumBy('status', rate('ai_cluster_api_key_requests_total', ofKey)), '{{status}}']],
        },
        {
          title: 'Errors by API Key',
          description:
            'Share of the requests of a key that failed, the ten worst. One key alone: its model or its prompts.',
          unit: 'percentunit',
          width: 12,
          max: 1,
          queries: [
            [
              `topk(10, ${ratio(
                sumBy('key_id', rate('ai_cluster_api_key_requests_total', ofKey, 'status="error"')),
                sumBy('key_id', rate('ai_cluster_api_key_requests_total', ofKey)),
              )})`,
              '{{key_id}}',
            ],
          ],
        },
        {
          title: 'Rate Limit Hits',
          description:
            'Requests refused per second: all keys together and the ten most limited keys. The line is the sum of 10 per second at which RateLimitHigh fires.',
          unit: 'reqps',
          width: 12,
          limit: 10,
          queries: [
            [sumBy('', rate('ai_cluster_api_key_rate_limit_hits_total', ofKey)), 'all keys'],
            [
              `topk(10, ${sumBy('key_id', rate('ai_cluster_api_key_rate_limit_hits_total', ofKey))})`,
              '{{key_id}}',
            ],
          ],
        },
        {
          title: 'Checks of API Keys',
          description:
            'Requests per second by what came of looking at their API key. Refused ones: a client that was not told of a new key, or somebody who tries.',
          unit: 'ops',
          width: 24,
          queries: [[sumBy('result', rate('ai_cluster_auth_attempts_total')), '{{result}}']],
        },
      ],
    },
  ],
};
