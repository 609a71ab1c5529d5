import { Agent, request } from 'undici';
import type { z } from 'zod';
import type { Settings } from '../config/config.js';
import { ErrorBody } from '../protocol/apiError.js';
import { ClusterStatus } from '../protocol/clusterStatus.js';
import { localOriginOf } from '../protocol/origin.js';
import { isDistrust, trustOnly } from '../security/trustedCertificates.js';
import { findAdminToken } from './adminToken.js';
import { toCaReader } from './certificates.js';
import type { Environment } from './environment.js';

const timeoutMs = 5_000;

/** Where the controller is that a command asks. */
export function controllerUrlOf(settings: Settings): string {
  return settings.controllerUrl ?? localOriginOf('http', settings.host, settings.port);
}

export interface ControllerQuestion {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  /** The admin token, for what only operators may ask. */
  readonly token?: string;
}

/** What a controller says against a question. */
export class RefusedByController extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'RefusedByController';
    this.status = status;
  }
}

/** The state of the cluster. Programs on the machine of the controller are told; elsewhere it takes the admin token. */
export async function askStatus(settings: Settings, environment: Environment): Promise<ClusterStatus> {
  const question = { path: '/cluster/status' };
  try {
    return await askController(settings, ClusterStatus, question);
  } catch (error) {
    if (!(error instanceof RefusedByController) || error.status !== 401) throw error;
    return askController(settings, ClusterStatus, {
      ...question,
      token: findAdminToken(settings, environment),
    });
  }
}

/**
 * Asks a running controller.
 *
 * @throws where none answers, with what it answers as an error, or where what answers is something else.
 */
export async function askController<T>(
  settings: Settings,
  schema: z.ZodType<T>,
  { method = 'GET', path, body, token }: ControllerQuestion,
): Promise<T> {
  const controllerUrl = controllerUrlOf(settings);
  const readCa = toCaReader(settings);
  const response = await request(controllerUrl + path, {
    method,
    ...(readCa && { dispatcher: new Agent({ connect: trustOnly(readCa()) }) }),
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    const reason =
      error instanceof Error ? error.message || (error as { code?: string }).code : String(error);
    const remedy = isDistrust(error)
      ? '--controller-ca says which certificates are trusted'
      : 'start one with: ai-cluster up';
    throw new Error(`no controller answers at ${controllerUrl} (${reason}); ${remedy}`, { cause: error });
  });
  const answer = tryParseJson(await response.body.text());
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const refusal = ErrorBody.safeParse(answer);
  if (refusal.success) throw new RefusedByController(response.statusCode, refusal.data.error.message);
  throw new Error(
    `what answers at ${controllerUrl} is no controller (status ${response.statusCode}): a worker, or another program?`,
    { cause: parsed.error },
  );
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
