import type { RequestListener } from 'node:http';
import type { ControllerEvents } from '../observability/events.js';
import type { ServerGauges } from '../observability/metrics/controllerMetrics.js';
import { localOriginOf } from '../protocol/origin.js';
import type { ControllerOptions } from './controllerOptions.js';
import {
  closeNow,
  createHttpServer,
  defaultConnectionLimits,
  listen,
  type TlsCertificate,
} from './httpServer.js';

export interface RunningServers {
  /** Where programs on this machine reach the endpoint, and where Prometheus reads: the same without an own port. */
  readonly url: string;
  readonly metricsUrl: string;
  /** Of the endpoint. */
  gauges(): ServerGauges;
  /** From the next connection on; only where they have a certificate. */
  setCertificate(tls: TlsCertificate): void;
  /** Also with requests on the way. */
  close(): Promise<void>;
}

export interface StartServersDeps {
  readonly app: RequestListener;
  /** What the metrics' own port serves. */
  readonly scrapeApp: () => RequestListener;
  readonly options: Pick<ControllerOptions, 'host' | 'port' | 'metricsPort' | 'tls' | 'connectionLimits'>;
  readonly events: Pick<ControllerEvents, 'connectionsDropped'>;
}

/** Listens on the endpoint's port, and on one for the metrics where they have their own. */
export async function startServers({
  app,
  scrapeApp,
  options,
  events,
}: StartServersDeps): Promise<RunningServers> {
  const { host, port, metricsPort, tls } = options;
  const limits = { ...defaultConnectionLimits, ...options.connectionLimits };
  const start = async (served: RequestListener, wantedPort: number) => {
    const server = createHttpServer(served, limits, events, tls);
    const takenPort = await listen(server, wantedPort, host);
    return { server, url: localOriginOf(tls ? 'https' : 'http', host, takenPort) };
  };
  const main = await start(app, port);
  const scrape = metricsPort === undefined ? main : await start(scrapeApp(), metricsPort);
  const servers = new Set([main.server, scrape.server]);

  return {
    url: main.url,
    metricsUrl: scrape.url,
    gauges: main.server.gauges,
    setCertificate: (certificate) => {
      for (const server of servers) server.setSecureContext?.(certificate);
    },
    close: async () => {
      await Promise.all([...servers].map(closeNow));
    },
  };
}
