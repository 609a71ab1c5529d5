/** One `data:` frame of a server-sent event stream: the value as JSON on one line. */
export function formatSseData(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** The frame that ends an OpenAI stream. */
export const sseDone = 'data: [DONE]\n\n';

/** A comment frame: ignored by every client, keeps proxies and idle timers awake. */
export const sseKeepalive = ': keepalive\n\n';
