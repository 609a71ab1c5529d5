import type { DashboardSpec } from './dashboardSpec.js';
import { maxBy, mean, ofModel, ofNode, quantile, quantiles, rate, ratio, series, sumBy } from './queries.js';

/** Where the time of requests goes, and what models do. */
export const inference: DashboardSpec = {
  uid: 'ai-cluster-inference',
  title: 'AI Cluster Inference',
  description: 'Latency of tokens, stages of requests, models, caches.',
  variables: ['model', 'node'],
  rows: [
    {
      title: 'Latency',
      panels: [
        {
          title: 'Time to First Token',
          description:
            'From the arrival of a request to its first token: waiting, routing and reading the prompt.',
          unit: 's',
          limit: 2,
          queries: quantiles('ai_cluster_time_to_first_token_seconds', ofModel, ofNode),
        },
        {
          title: 'Inter-Token Latency',
          description: 'Between two tokens of an answer. Long prompts beside it make the tail.',
          unit: 's',
          queries: quantiles('ai_cluster_inter_token_latency_seconds', ofModel, ofNode),
        },
        {
          title: 'Time per Output Token',
          description: 'Mean between the tokens of one answer: how fast answers feel to their clients.',
          unit: 's',
          queries: quantiles('ai_cluster_request_time_per_output_token_seconds', ofModel),
        },
        {
          title: 'Stages of Requests',
          description:
            'Mean time of each part of a successful request. The parts follow each other: together they are the whole.',
          unit: 's',
          width: 12,
          queries: [[mean('ai_cluster_stage_duration_seconds', 'stage'), '{{stage}}']],
        },
        {
          title: 'Time of the Controller',
          description: 'What a request takes beyond its wait for a slot and the work of workers.',
          unit: 's',
          width: 12,
          queries: quantiles('ai_cluster_router_overhead_seconds'),
        },
        {
          title: 'Prefill',
          description: 'From the acceptance by a worker to the first token, by node.',
          unit: 's',
          queries: [
            [
              quantile(0.95, 'ai_cluster_prefill_duration_seconds', 'node_id', ofModel, ofNode),
              '{{node_id}} p95',
            ],
          ],
        },
        {
          title: 'Decode',
          description: 'From the first to the last token, by node.',
          unit: 's',
          queries: [
            [
              quantile(0.95, 'ai_cluster_decode_duration_seconds', 'node_id', ofModel, ofNode),
              '{{node_id}} p95',
            ],
          ],
        },
        {
          title: 'Streaming Duration',
          description: 'From the first byte of a stream to its end.',
          unit: 's',
          queries: quantiles('ai_cluster_streaming_duration_seconds', ofModel),
        },
      ],
    },
    {
      title: 'What is asked',
      panels: [
        {
          title: 'Prompt Length',
          description: 'Tokens of prompts. A jump: somebody sends documents.',
          unit: 'short',
          queries: quantiles('ai_cluster_request_prompt_tokens', ofModel),
        },
        {
          title: 'Answer Length',
          description: 'Tokens of answers: what decoding has to do.',
          unit: 'short',
          queries: quantiles('ai_cluster_request_completion_tokens', ofModel),
        },
        {
          title: 'Allowed Answer Length',
          description: 'What clients allow an answer to be, where they say it.',
          unit: 'short',
          queries: quantiles('ai_cluster_request_max_tokens', ofModel),
        },
        {
          title: 'Answers by End',
          description: 'Answers per second by what ended them. Many of length: clients get half answers.',
          unit: 'ops',
          queries: [[sumBy('reason', rate('ai_cluster_request_finished_total', ofModel)), '{{reason}}']],
        },
        {
          title: 'Streaming Requests',
          description:
            'Streamed requests per second by outcome. They are part of the inference requests: do not add the two.',
          unit: 'reqps',
          queries: [[sumBy('status', rate('ai_cluster_streaming_requests_total', ofModel)), '{{status}}']],
        },
        {
          title: 'Batch Lines',
          description: 'Requests of batches per second by outcome. They are part of the inference requests.',
          unit: 'reqps',
          queries: [[sumBy('status', rate('ai_cluster_batch_requests_total')), '{{status}}']],
        },
        {
          title: 'Clients that Left',
          description: 'Requests per second whose client left, by where they were.',
          unit: 'ops',
          queries: [[sumBy('phase', rate('ai_cluster_client_disconnects_total')), '{{phase}}']],
        },
        {
          title: 'Slow Clients',
          description:
            'Times a second that a stream stopped until its client had read, and what is on its way to clients.',
          unit: 'ops',
          queries: [[sumBy('', rate('ai_cluster_slow_client_pauses_total')), 'pauses']],
        },
        {
          title: 'Batch Pauses',
          description: 'Times a second that batch work gave its slot to a request that waited, by model.',
          unit: 'ops',
          queries: [[sumBy('model', rate('ai_cluster_queue_pauses_total', ofModel)), '{{model}}']],
        },
      ],
    },
    {
      title: 'Models',
      panels: [
        {
          title: 'Tokens per Second by Model',
          description: 'Completion tokens of the last 10 s, per second and model, over all nodes.',
          unit: 'short',
          queries: [[sumBy('model', series('ai_cluster_tokens_per_second', ofModel)), '{{model}}']],
        },
        {
          title: 'Model Memory',
          description: 'Memory of weights and KV cache, by model and node.',
          unit: 'bytes',
          queries: [
            [
              maxBy('model, node_id', series('ai_cluster_model_memory_bytes', ofModel, ofNode)),
              '{{model}} {{node_id}}',
            ],
          ],
        },
        {
          title: 'Model Load Time',
          description:
            'How long the last load took, by model and node. It is how long a restarted worker is missing.',
          unit: 's',
          kind: 'bars',
          queries: [
            [
              maxBy('model, node_id', series('ai_cluster_model_load_time_seconds', ofModel, ofNode)),
              '{{model}} {{node_id}}',
            ],
          ],
        },
        {
          title: 'Model Files',
          description: 'Size of the files of the models.',
          unit: 'bytes',
          kind: 'bars',
          queries: [[maxBy('model', series('ai_cluster_model_size_bytes', ofModel)), '{{model}}']],
        },
        {
          title: 'Layers by Device',
          description: 'Where the layers of each model are computed.',
          unit: 'short',
          kind: 'bars',
          queries: [
            [
              maxBy('model, node_id, device', series('ai_cluster_model_layers_allocated', ofModel, ofNode)),
              '{{model}} {{node_id}} {{device}}',
            ],
          ],
        },
        {
          title: 'Models Loaded',
          description: 'Models that each node serves; 0 while it loads.',
          unit: 'short',
          queries: [[maxBy('node_id', series('ai_cluster_models_loaded', ofNode)), '{{node_id}}']],
        },
      ],
    },
    {
      title: 'Caches and batches',
      panels: [
        {
          title: 'Cached and Expected Tokens',
          description:
            'Share of the prompt tokens that did not have to be evaluated, and what routing expected, by node.',
          unit: 'percentunit',
          max: 1,
          queries: ['prompt_cached', 'prefix_cache_expected'].map((part) => [
            ratio(
              sumBy('node_id', rate(`ai_cluster_${part}_tokens_total`, ofModel, ofNode)),
              sumBy('node_id', rate('ai_cluster_prefix_cache_queried_tokens_total', ofModel, ofNode)),
            ),
            part === 'prompt_cached' ? '{{node_id}} cached' : '{{node_id}} expected',
          ]),
        },
        {
          title: 'KV Cache',
          description: 'Share of the KV cache that holds tokens, estimated. Near 1 is what a cache is for.',
          unit: 'percentunit',
          max: 1,
          queries: [
            [
              maxBy('model, node_id', series('ai_cluster_kv_cache_usage_ratio', ofModel, ofNode)),
              '{{model}} {{node_id}}',
            ],
          ],
        },
        {
          title: 'Batch Size',
          description:
            'Sequences that llama.cpp computes in one step, by worker: the more, the cheaper each token.',
          unit: 'short',
          queries: [
            [
              ratio(
                sumBy('instance', rate('ai_cluster_worker_step_sequences_total', ofModel)),
                sumBy('instance', rate('ai_cluster_worker_steps_total', ofModel)),
              ),
              '{{instance}}',
            ],
          ],
        },
        {
          title: 'Requests in the Engine',
          description: 'Requests that llama.cpp computes, and those that wait with a slot to be read.',
          unit: 'short',
          queries: [
            [sumBy('', series('ai_cluster_worker_engine_requests_processing', ofModel)), 'processing'],
            [sumBy('', series('ai_cluster_worker_engine_requests_deferred', ofModel)), 'deferred'],
          ],
        },
        {
          title: 'Calls of Workers',
          description: 'Calls of the controller per second, by what was asked and what came of it.',
          unit: 'ops',
          queries: [
            [
              sumBy('operation, status', rate('ai_cluster_worker_requests_total')),
              '{{operation}} {{status}}',
            ],
          ],
        },
        {
          title: 'Time of Calls',
          description: 'From the arrival of a call at a worker to its end.',
          unit: 's',
          queries: [
            [quantile(0.95, 'ai_cluster_worker_request_duration_seconds', 'operation'), '{{operation}} p95'],
          ],
        },
      ],
    },
  ],
};
