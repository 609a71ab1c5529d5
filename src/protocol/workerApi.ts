import { z } from 'zod';
import { HeldPrefixes } from './prefix.js';

/** How a worker joins the controller and stays known: `POST /internal/v1/nodes`, then a heartbeat every second. */

export const internalPaths = {
  generate: '/internal/v1/generate',
  embed: '/internal/v1/embed',
  rank: '/internal/v1/rank',
  tokenize: '/internal/v1/tokenize',
  detokenize: '/internal/v1/detokenize',
  count: '/internal/v1/count',
  nodes: '/internal/v1/nodes',
  /** Of one node: `:id` is its node id. */
  heartbeat: '/internal/v1/nodes/:id/heartbeat',
} as const;

export const heartbeatIntervalMs = 1_000;

/** Node ids go into URLs, logs and metric labels. */
export const NodeId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

/** What a model is for: it writes text, makes vectors of texts, or scores documents for a query. */
export const ModelKind = z.enum(['generation', 'embedding', 'ranking']);
export type ModelKind = z.infer<typeof ModelKind>;

/** One loaded model of a worker. */
export const ModelReport = z.object({
  id: z.string().min(1),
  kind: ModelKind,
  slotsTotal: z.int().min(1),
  slotsBusy: z.int().min(0),
  contextTokens: z.int().min(1),
  loadSeconds: z.number().min(0),
  /** Weights and KV cache as llama.cpp accounts them. */
  memoryBytes: z.number().min(0),
  /** Size of the file. */
  sizeBytes: z.number().min(0).optional(),
  /** Where its layers are computed. */
  layers: z.object({ gpu: z.int().min(0), cpu: z.int().min(0) }).optional(),
  /** Tokens in the KV caches of its slots. */
  cachedTokens: z.int().min(0).optional(),
  /** Changes when the same seed may give another output: model file, engine version. */
  fingerprint: z.string(),
  /** All prompt prefixes that its caches hold; left out where nothing has changed since the last report. */
  prefixes: HeldPrefixes.optional(),
});
export type ModelReport = z.infer<typeof ModelReport>;

/** What a worker says of itself in every heartbeat. */
export const NodeReport = z.object({
  phase: z.enum(['loading', 'ready', 'draining']),
  uptimeSeconds: z.number().min(0),
  machine: z.object({ cpuCores: z.int().min(1), memoryBytes: z.number().min(0) }).optional(),
  models: z.array(ModelReport),
});
export type NodeReport = z.infer<typeof NodeReport>;

export const JoinRequest = z.object({
  nodeId: NodeId,
  /** New with every start of the process: tells a restarted worker from a late message of its predecessor. */
  instanceId: z.string().min(1),
  /** Where the controller reaches the worker: scheme, host and port, nothing behind them. */
  url: z.url({ protocol: /^http$/ }).regex(/^http:\/\/[^/?#@\\]+\/?$/i, 'expected http://<host>:<port>'),
  /** Where its metrics are, if not at `url`. */
  metricsUrl: z.url({ protocol: /^http$/ }).optional(),
  pid: z.int().min(1),
  version: z.string(),
  report: NodeReport,
});
export type JoinRequest = z.infer<typeof JoinRequest>;

export const HeartbeatRequest = z.object({ instanceId: z.string().min(1), report: NodeReport });
export type HeartbeatRequest = z.infer<typeof HeartbeatRequest>;
