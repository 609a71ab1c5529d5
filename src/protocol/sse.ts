/** One server-sent event: a value as JSON on one line, or the text that ends an OpenAI stream. */
export interface SseFrame {
  /** Sent as `event:`; without one a client sees `message`. */
  readonly event?: string;
  readonly data: object | '[DONE]';
}

export function formatSseFrame({ event, data }: SseFrame): string {
  const name = event === undefined ? '' : `event: ${event}\n`;
  return `${name}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

/** The frame that ends an OpenAI stream. */
export const sseDone: SseFrame = { data: '[DONE]' };

/** A comment frame: ignored by every client, keeps proxies and idle timers awake. */
export const sseKeepalive = ': keepalive\n\n';

/** The same, of a request that waits for a slot: where it stands, and in how many milliseconds it is expected to begin. */
export function formatQueueComment(place: {
  readonly position: number;
  readonly predictedStartMs: number | undefined;
}): string {
  const start = place.predictedStartMs === undefined ? '' : ` predicted_start_ms=${place.predictedStartMs}`;
  return `: queue position=${place.position}${start}\n\n`;
}
