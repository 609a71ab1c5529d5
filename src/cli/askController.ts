import { request } from 'undici';
import type { z } from 'zod';
import type { Settings } from '../config/config.js';
import { ErrorBody } from '../protocol/apiError.js';

const timeoutMs = 5_000;

/** Where the controller is that a command asks. */
export function controllerUrlOf(settings: Settings): string {
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  return settings.controllerUrl ?? `http://${host}:${settings.port}`;
}

/**
 * Asks a running controller.
 *
 * @throws where none answers, with what it answers as an error, or where what answers is something else.
 */
export async function askController<T>(
  controllerUrl: string,
  schema: z.ZodType<T>,
  { method = 'GET', path, body }: { method?: 'GET' | 'POST' | 'DELETE'; path: string; body?: object },
): Promise<T> {
  const response = await request(controllerUrl + path, {
    method,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }).catch((error: unknown) => {
    const reason =
      error instanceof Error ? error.message || (error as { code?: string }).code : String(error);
    throw new Error(`no controller answers at ${controllerUrl} (${reason}); start one with: ai-cluster up`, {
      cause: error,
    });
  });
  const answer = tryParseJson(await response.body.text());
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const refusal = ErrorBody.safeParse(answer);
  if (refusal.success) throw new Error(refusal.data.error.message);
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
