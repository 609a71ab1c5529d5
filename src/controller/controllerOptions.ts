import type { MetricsOptions } from '../observability/metrics/metricsRegistry.js';
import type { Logger } from '../observability/logger.js';
import type { CacheSharing, RoutingPolicyName } from '../protocol/routing.js';
import type { ConnectionLimits, TlsCertificate } from './httpServer.js';
import type { StreamTimings } from './respond.js';
import type { ProbeTimings } from './upstream/probeWorkers.js';

/** What a controller is started with. */
export interface ControllerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Configured models and nodes: listed, counted and waited for before they have joined. */
  readonly models: readonly string[];
  readonly nodeIds: readonly string[];
  /** How a worker is chosen: `prefix-aware` by default. */
  readonly routing?: RoutingPolicyName;
  /** Who may share cached prompt prefixes: `keys` by default, each with itself. */
  readonly cacheSharing?: CacheSharing;
  /** Requests that may wait for one model. */
  readonly queueLimit: number;
  /** UTF-8 bytes of the prompts that may wait for one model. */
  readonly queuePromptBytes?: number;
  readonly queueTimeoutMs: number;
  /** The longest time for a request. */
  readonly requestTimeoutMs?: number;
  readonly drainTimeoutMs: number;
  /** A worker that says nothing for so long is given up; 5 s by default. */
  readonly workerSilenceMs?: number;
  /** What outlives requests is kept in here, and belongs to the controller alone. */
  readonly dataDir: string;
  /** Of one uploaded file. */
  readonly maxFileBytes?: number;
  readonly streamTimings?: Partial<StreamTimings>;
  readonly probeTimings?: Partial<ProbeTimings>;
  readonly connectionLimits?: Partial<ConnectionLimits>;
  readonly metrics?: MetricsOptions;
  /** An own port for them; without it they are where everything is. */
  readonly metricsPort?: number | undefined;
  /** Of a collector that takes traces over HTTP, as `http://127.0.0.1:4318`; undefined: none are made. */
  readonly otlpEndpoint?: string | undefined;
  /** A folder for files that tell Prometheus where everybody is; undefined: none are written. */
  readonly scrapeTargetsDir?: string | undefined;
  /** The same number for the same settings. */
  readonly configHash?: number | undefined;
  /** Of the metrics, and as many of the status. */
  readonly scrapesPerSecond?: number;
  /** Where workers may be, in CIDR notation; on the loopback interface by default. */
  readonly workerNetworks?: readonly string[];
  /** Names of this server beside its addresses and that of the machine: `ai.example.com`, `*.example.com`. */
  readonly allowedHosts?: readonly string[];
  /** Origins whose web pages may call it: `https://app.example.com`, or `*`. */
  readonly allowedOrigins?: readonly string[];
  /** Speaks https with this certificate; without it plain http. */
  readonly tls?: TlsCertificate;
  /** Workers join with it, and are called with it. */
  readonly clusterToken: string;
  /** What operators show: for keys, and for changes of the nodes. */
  readonly adminToken: string;
  readonly version: string;
  readonly logger: Logger;
}
