import { buckets, counter, histogram } from './metricSpec.js';

/** What the controller counts of HTTP and inference requests. */
export const requestSpecs = {
  httpRequests: counter({
    name: 'ai_cluster_http_requests_total',
    help: 'HTTP requests answered, by route; /metrics and the internal routes are not counted',
    unit: 'requests',
    labels: ['method', 'path', 'status'],
    advice:
      'Many 4xx: a client is wrong, its log lines say how. 499 is a client that left before the answer began. 5xx: see HighErrorRate.',
  }),
  httpRequestDuration: histogram({
    name: 'ai_cluster_http_request_duration_seconds',
    help: 'From the arrival of an HTTP request to the last byte of its answer',
    unit: 'seconds',
    labels: ['method', 'path', 'status'],
    buckets: buckets.endToEnd,
    advice: 'Look at one path at a time: /health takes milliseconds, a long stream minutes.',
  }),
  inferenceRequests: counter({
    name: 'ai_cluster_inference_requests_total',
    help: 'Inference requests of clients by outcome, each counted once, however often it was tried',
    unit: 'requests',
    labels: ['model', 'status'],
    advice:
      '`error`: see HighErrorRate. `rejected`: bad requests, limits and full queues; `ai_cluster_errors_total` says which. `cancelled`: clients leave, usually because answers are slow.',
  }),
  inferenceDuration: histogram({
    name: 'ai_cluster_inference_duration_seconds',
    help: 'From the arrival of an inference request to its end, by the node that ended it',
    unit: 'seconds',
    labels: ['model', 'node_id'],
    buckets: buckets.endToEnd,
    advice: 'Grows with queue wait, prompt and answer: compare those first. See HighLatency.',
  }),
  tokensGenerated: counter({
    name: 'ai_cluster_tokens_generated_total',
    help: 'Tokens of prompts and of completions; a stream that was cut counts what was relayed',
    unit: 'tokens',
    labels: ['model', 'type'],
    advice: 'The load in its own unit. Falls while requests wait: a node is slow or gone.',
  }),
  streamingRequests: counter({
    name: 'ai_cluster_streaming_requests_total',
    help: 'Inference requests that asked for a stream, by outcome; a part of the inference requests',
    unit: 'requests',
    labels: ['model', 'status'],
    advice: 'Never add it to the inference requests. Many `cancelled`: see the time to the first token.',
  }),
  streamingDuration: histogram({
    name: 'ai_cluster_streaming_duration_seconds',
    help: 'From the first byte of a stream to its end',
    unit: 'seconds',
    labels: ['model'],
    buckets: buckets.endToEnd,
    advice: 'Follows the length of answers and the time between tokens.',
  }),
  timeToFirstToken: histogram({
    name: 'ai_cluster_time_to_first_token_seconds',
    help: 'From the arrival of an inference request to its first token',
    unit: 'seconds',
    labels: ['model', 'node_id'],
    buckets: buckets.firstToken,
    advice: 'Queue wait plus prefill. See TimeToFirstTokenBudgetBurn.',
  }),
  interTokenLatency: histogram({
    name: 'ai_cluster_inter_token_latency_seconds',
    help: 'Between two tokens of an answer, once for each token but the first',
    unit: 'seconds',
    labels: ['model', 'node_id'],
    buckets: buckets.betweenTokens,
    advice:
      'Grows with the streams beside each other on a node. A tail without more streams: long prompts are read between the tokens, or the machine does other work.',
  }),
  timePerOutputToken: histogram({
    name: 'ai_cluster_request_time_per_output_token_seconds',
    help: 'Mean time between the tokens of one answer, once for each answer of more than one token',
    unit: 'seconds',
    labels: ['model'],
    buckets: buckets.betweenTokens,
    advice:
      'How fast answers feel. What the times between single tokens do not show: whether one client gets all the slow ones.',
  }),
  prefillDuration: histogram({
    name: 'ai_cluster_prefill_duration_seconds',
    help: 'From the moment a worker accepts a request to its first token',
    unit: 'seconds',
    labels: ['model', 'node_id'],
    buckets: buckets.endToEnd,
    advice: 'Grows with prompts that are not cached: compare the hit rate of the prefix cache.',
  }),
  decodeDuration: histogram({
    name: 'ai_cluster_decode_duration_seconds',
    help: 'From the first to the last token of an answer',
    unit: 'seconds',
    labels: ['model', 'node_id'],
    buckets: buckets.endToEnd,
    advice: 'Answers get longer, or tokens slower: compare the time between tokens.',
  }),
  stageDuration: histogram({
    name: 'ai_cluster_stage_duration_seconds',
    help: 'Stages of a successful request, one behind the other: together they are its whole time',
    unit: 'seconds',
    labels: ['stage'],
    buckets: buckets.queueWait,
    advice:
      'Where the time goes. `auth` and `parse` are of the controller, `admission_queue` is the wait for a slot, `connect` the way to the worker and its reading of the request, `finish` the last bytes to the client.',
  }),
  routerOverhead: histogram({
    name: 'ai_cluster_router_overhead_seconds',
    help: 'What a successful request took beyond its wait for a slot and the work of workers',
    unit: 'seconds',
    buckets: buckets.stage,
    advice:
      'The controller itself. Above some milliseconds: its event loop is late, see EventLoopLag, or clients read slowly.',
  }),
  requestPromptTokens: histogram({
    name: 'ai_cluster_request_prompt_tokens',
    help: 'Length of the prompts of inference requests',
    unit: 'tokens',
    labels: ['model'],
    buckets: buckets.tokens,
    advice: 'What prefill has to do. A jump: somebody sends documents.',
  }),
  requestCompletionTokens: histogram({
    name: 'ai_cluster_request_completion_tokens',
    help: 'Length of the answers of inference requests',
    unit: 'tokens',
    labels: ['model'],
    buckets: buckets.tokens,
    advice: 'What decoding has to do.',
  }),
  requestMaxTokens: histogram({
    name: 'ai_cluster_request_max_tokens',
    help: 'What clients allow an answer to be, where they say it',
    unit: 'tokens',
    labels: ['model'],
    buckets: buckets.tokens,
    advice: 'Far above the answers: limits by tokens reserve more than is used.',
  }),
  requestFinished: counter({
    name: 'ai_cluster_request_finished_total',
    help: 'Answers by what ended them; one for each choice of a request',
    unit: 'answers',
    labels: ['model', 'reason'],
    advice: 'Many `length`: clients get half answers, because of max_tokens or a small context.',
  }),
  errors: counter({
    name: 'ai_cluster_errors_total',
    help: 'What went wrong: tries on workers by their node, and requests that were turned away, with node_id="none"',
    unit: 'errors',
    labels: ['class', 'node_id'],
    advice:
      '`network`, `timeout`, `worker`, `oom`, `gpu`: of one node, look at its log; requests may have been answered all the same. `auth`, `validation`: a client. `overload`: more load than slots. `internal`: a bug, please report the lines of error.log.',
  }),
  clientDisconnects: counter({
    name: 'ai_cluster_client_disconnects_total',
    help: 'Inference requests whose client left, by where they were',
    unit: 'requests',
    labels: ['phase'],
    advice:
      '`queue`, `prefill`: clients do not wait so long; compare their time-outs with the time to the first token.',
  }),
  slowClientPauses: counter({
    name: 'ai_cluster_slow_client_pauses_total',
    help: 'Times that a stream stopped until its client had read what was sent',
    unit: 'pauses',
    advice: 'Clients, or the network to them, are slower than the model. Their slots are busy for longer.',
  }),
  batchRequests: counter({
    name: 'ai_cluster_batch_requests_total',
    help: 'Lines of batches by outcome; a part of the inference requests',
    unit: 'requests',
    labels: ['status'],
    advice: 'Batch work runs behind all other requests: it stands still while those need the slots.',
  }),
} as const;
