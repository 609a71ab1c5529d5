import { request as httpRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { Completion, CompletionRequest } from './contender.js';

/** How a contender's HTTP interface is spoken. */
export interface CompletionDialect {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  toBody(request: CompletionRequest): object;
  /**
   * How many tokens were generated up to and with this line of the body, given how many it were before.
   *
   * @throws where the line reports an error.
   */
  readTotalTokens(line: string, before: number): number;
  /** The tokens in this line of the body. */
  readTokenIds?(line: string): readonly number[];
}

/** The contender answered with another status than 200. */
export class UnexpectedStatusError extends Error {
  readonly status: number | undefined;

  constructor(status: number | undefined, url: string, body: string) {
    super(`status ${status} from ${url}: ${body.slice(0, 500)}`);
    this.status = status;
  }
}

interface Arrival {
  readonly at: number;
  readonly chunk: Buffer;
}

/**
 * Sends one completion and notes when each token of its stream arrived. The body is only collected while it arrives
 * and read afterwards, because client and contender share the cores. Each completion has its own connection: a
 * contender that was paused in between may have closed an idle one.
 */
export async function streamCompletion(
  url: string,
  dialect: CompletionDialect,
  request: CompletionRequest,
): Promise<Completion> {
  const body = JSON.stringify(dialect.toBody(request));
  const sentAt = performance.now();
  const outgoing = httpRequest(`${url}${dialect.path}`, {
    method: 'POST',
    agent: false,
    headers: {
      ...dialect.headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    },
    ...(request.signal ? { signal: request.signal } : {}),
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const arrivals: Arrival[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    arrivals.push({ at: performance.now(), chunk });
    request.onData?.();
  }
  if (response.statusCode !== 200) {
    const text = Buffer.concat(arrivals.map(({ chunk }) => chunk)).toString();
    throw new UnexpectedStatusError(response.statusCode, `${url}${dialect.path}`, text);
  }
  const { tokenTimes, tokenIds } = readTokens(arrivals, dialect);
  if (tokenTimes.length !== request.tokens) {
    throw new Error(`${tokenTimes.length} tokens from ${url}${dialect.path} instead of ${request.tokens}`);
  }
  return { sentAt, tokenTimes, tokenIds };
}

/** A token arrived with the end of its line. */
function readTokens(arrivals: readonly Arrival[], dialect: CompletionDialect) {
  const tokenTimes: number[] = [];
  const tokenIds: number[] = [];
  let rest = '';
  for (const { at, chunk } of arrivals) {
    // A code point cut in two does not matter: what is counted are lines.
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const total = dialect.readTotalTokens(line, tokenTimes.length);
      while (tokenTimes.length < total) tokenTimes.push(at);
      tokenIds.push(...(dialect.readTokenIds?.(line) ?? []));
    }
  }
  return { tokenTimes, tokenIds };
}
