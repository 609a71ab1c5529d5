/** Listening on these means: on every address of the machine. */
export function isUnspecifiedHost(host: string): boolean {
  return /^(0\.0\.0\.0|::|0:0:0:0:0:0:0:0)$/.test(host);
}

/** Where programs on the machine of a server reach it that listens on `host`: `http://127.0.0.1:8080`. */
export function localOriginOf(scheme: 'http' | 'https', host: string, port: number): string {
  const reached = isUnspecifiedHost(host) ? (host.includes(':') ? '::1' : '127.0.0.1') : host;
  return `${scheme}://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}
