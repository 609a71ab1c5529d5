import type { DashboardSpec } from './dashboardSpec.js';
import { maxBy, rate, ratio, series, sumBy } from './queries.js';

/** The processes themselves. */
export const controllerHealth: DashboardSpec = {
  uid: 'ai-cluster-controller',
  title: 'AI Cluster Controller Health',
  description: 'Processes, connections, logs, and the metrics about metrics.',
  variables: [],
  rows: [
    {
      title: 'Processes',
      panels: [
        {
          title: 'Processes Scraped',
          description: '1 while Prometheus reaches the process, 0 while it does not.',
          unit: 'short',
          queries: [[`min by (job, instance) (${series('up')})`, '{{job}} {{instance}}']],
        },
        {
          title: 'CPU',
          description: 'Cores that each process uses; a worker with four threads can reach 4.',
          unit: 'short',
          queries: [[sumBy('job, instance', rate('process_cpu_seconds_total')), '{{job}} {{instance}}']],
        },
        {
          title: 'Memory',
          description:
            'Resident memory of each process. A line that climbs for hours under an even load is a leak.',
          unit: 'bytes',
          queries: [
            [maxBy('job, instance', series('process_resident_memory_bytes')), '{{job}} {{instance}}'],
          ],
        },
        {
          title: 'Event Loop Lag',
          description:
            '99th percentile since the previous scrape. An idle process reads 0.01 s, the resolution; the line is where EventLoopLag fires.',
          unit: 's',
          limit: 0.1,
          queries: [
            [maxBy('job, instance', series('nodejs_eventloop_lag_p99_seconds')), '{{job}} {{instance}}'],
          ],
        },
        {
          title: 'Garbage Collection',
          description: 'Share of the time that each process collects garbage.',
          unit: 'percentunit',
          queries: [[sumBy('instance', rate('nodejs_gc_duration_seconds_sum')), '{{instance}}']],
        },
        {
          title: 'JavaScript Heap',
          description: 'Heap in use, and what the process holds outside of it.',
          unit: 'bytes',
          queries: [
            [maxBy('instance', series('nodejs_heap_size_used_bytes')), '{{instance}} heap'],
            [maxBy('instance', series('nodejs_external_memory_bytes')), '{{instance}} external'],
          ],
        },
        {
          title: 'File Descriptors',
          description: 'Share of the file descriptors in use; the line is where FdNearLimit fires.',
          unit: 'percentunit',
          limit: 0.8,
          queries: [
            [
              ratio(
                maxBy('instance', series('process_open_fds')),
                maxBy('instance', series('process_max_fds')),
              ),
              '{{instance}}',
            ],
          ],
        },
        {
          title: 'Uptime of Processes',
          description: 'Time since each process started; a drop to zero is a restart.',
          unit: 's',
          queries: [
            [maxBy('instance', series('ai_cluster_uptime_seconds')), '{{instance}} controller'],
            [maxBy('instance', series('ai_cluster_worker_uptime_seconds')), '{{instance}} worker'],
          ],
        },
        {
          title: 'Active Resources',
          description: 'Timers, sockets and files that Node.js waits for. A line that only climbs is a leak.',
          unit: 'short',
          queries: [[sumBy('instance', series('nodejs_active_resources')), '{{instance}}']],
        },
      ],
    },
    {
      title: 'Connections',
      panels: [
        {
          title: 'HTTP Connections',
          description: 'Open connections of clients and of workers.',
          unit: 'short',
          width: 12,
          queries: [[maxBy('instance', series('ai_cluster_http_connections')), '{{instance}}']],
        },
        {
          title: 'Unsent Bytes',
          description: 'What streams have to send and their clients have not read.',
          unit: 'bytes',
          width: 12,
          queries: [[maxBy('instance', series('ai_cluster_sse_buffer_bytes')), '{{instance}}']],
        },
      ],
    },
    {
      title: 'Logs and settings',
      panels: [
        {
          title: 'Log Lines',
          description: 'Lines logged per second, by level. Where error rises, read logs/error.log.',
          unit: 'ops',
          queries: [
            [sumBy('level', rate('ai_cluster_log_events_total')), 'controller {{level}}'],
            [sumBy('level', rate('ai_cluster_worker_log_events_total')), 'workers {{level}}'],
          ],
        },
        {
          title: 'Versions',
          description: 'Processes by version of ai-cluster and of Node.js.',
          unit: 'short',
          kind: 'bars',
          queries: [
            [
              `count by (version, node) (${series('ai_cluster_build_info')})`,
              'controller {{version}}, Node.js {{node}}',
            ],
            [
              `count by (version, node) (${series('ai_cluster_worker_build_info')})`,
              'worker {{version}}, Node.js {{node}}',
            ],
          ],
        },
        {
          title: 'Settings',
          description: 'How many different settings the controllers have: 1 where they are alike.',
          unit: 'short',
          kind: 'now',
          queries: [[`count(count_values("hash", ${series('ai_cluster_config_hash')}))`, 'settings']],
        },
        {
          title: 'Queue Limit',
          description: 'Requests that may wait for each model.',
          unit: 'short',
          kind: 'now',
          queries: [[maxBy('', series('ai_cluster_config_queue_limit')), 'limit']],
        },
      ],
    },
    {
      title: 'Metrics about metrics',
      panels: [
        {
          title: 'Lines Told',
          description:
            'Lines of /metrics by share of what may be; the line is where MetricsCardinality fires.',
          unit: 'percentunit',
          limit: 0.8,
          queries: [
            [
              ratio(
                sumBy('instance', series('ai_cluster_metrics_series')),
                maxBy('instance', series('ai_cluster_metrics_series_limit')),
              ),
              '{{instance}}',
            ],
            [
              ratio(
                sumBy('instance', series('ai_cluster_worker_metrics_series')),
                maxBy('instance', series('ai_cluster_worker_metrics_series_limit')),
              ),
              '{{instance}}',
            ],
          ],
        },
        {
          title: 'Largest Families',
          description: 'Lines of the ten largest families.',
          unit: 'short',
          kind: 'bars',
          queries: [[`topk(10, ${sumBy('family', series('ai_cluster_metrics_series'))})`, '{{family}}']],
        },
        {
          title: 'Not Counted',
          description:
            'Observations per second without a place, and values that could not be read. Both are 0.',
          unit: 'ops',
          queries: [
            [sumBy('instance', rate('ai_cluster_metrics_dropped_series_total')), '{{instance}} dropped'],
            [
              sumBy('instance', rate('ai_cluster_worker_metrics_dropped_series_total')),
              '{{instance}} dropped',
            ],
            [
              sumBy('instance, collector', rate('ai_cluster_metrics_collect_errors_total')),
              '{{instance}} {{collector}}',
            ],
            [
              sumBy('instance, collector', rate('ai_cluster_worker_metrics_collect_errors_total')),
              '{{instance}} {{collector}}',
            ],
          ],
        },
      ],
    },
  ],
};
