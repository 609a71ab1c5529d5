import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { Asked, chaosModel, toAnswer } from './asked.js';

/** What a client saw of its request; exactly one of these. */
export type Outcome =
  | { readonly kind: 'whole' }
  /** A status before the answer began. */
  | { readonly kind: 'refused'; readonly status: number; readonly retryAfterSeconds: number | undefined }
  /** The stream ended with an error frame. */
  | { readonly kind: 'errorFrame' }
  /** The connection ended, or nothing came for too long. */
  | { readonly kind: 'broken'; readonly why: string }
  /** It ended well and said something else: the worst. */
  | { readonly kind: 'wrong'; readonly text: string };

export interface Entry {
  readonly asked: Asked;
  /** `performance.now()` when it was sent. */
  readonly sentAt: number;
  readonly outcome: Outcome;
  /** From the request to the first token, and the longest silence between tokens behind it; NaN where there is none. */
  readonly firstTokenMs: number;
  readonly longestGapMs: number;
  readonly wholeMs: number;
}

export interface AskOptions {
  readonly agent?: Agent;
  /** After so long a client gives up: it counts as a hang. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called with the time between two tokens of one stream. */
  readonly onGap?: (ms: number) => void;
  /** More fields of the body. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** All requests of a scenario with what became of them. */
export class Ledger {
  readonly entries: Entry[] = [];
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 1024 });
  #nonces = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** Asks for an answer as a stream and writes down what came. Never throws. */
  async ask(answer: Omit<Asked, 'nonce' | 'prefillMs'> & { prefillMs?: number }, options: AskOptions = {}) {
    const asked = Asked.parse({ nonce: `n${this.#nonces++}`, ...answer });
    const entry = await stream(this.#url, asked, { agent: this.#agent, ...options });
    this.entries.push(entry);
    return entry;
  }

  count(kind: Outcome['kind']): number {
    return this.entries.filter(({ outcome }) => outcome.kind === kind).length;
  }

  /** Everything that a client would call an error. */
  errors(): Entry[] {
    return this.entries.filter(({ outcome }) => outcome.kind !== 'whole');
  }

  /** The first few errors in words, for the person who wants to know what went wrong. */
  describeErrors(errors: readonly Entry[] = this.errors()): string[] {
    return errors
      .slice(0, 5)
      .map(
        ({ asked, outcome, wholeMs }) =>
          `${asked.nonce} after ${Math.round(wholeMs)} ms: ${JSON.stringify(outcome)}`,
      );
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function stream(url: string, asked: Asked, options: AskOptions): Promise<Entry> {
  const body = JSON.stringify({
    model: chaosModel,
    stream: true,
    messages: [{ role: 'user', content: JSON.stringify(asked) }],
    ...options.body,
  });
  const sentAt = performance.now();
  const tokenTimes: number[] = [];
  const finish = (outcome: Outcome): Entry => ({
    asked,
    sentAt,
    outcome,
    firstTokenMs: (tokenTimes[0] ?? NaN) - sentAt,
    longestGapMs: Math.max(...tokenTimes.slice(1).map((time, index) => time - (tokenTimes[index] ?? NaN))),
    wholeMs: performance.now() - sentAt,
  });

  const timeout = AbortSignal.timeout(options.patienceMs ?? 120_000);
  try {
    const outgoing = httpRequest(`${url}/v1/chat/completions`, {
      method: 'POST',
      signal: options.signal ? AbortSignal.any([timeout, options.signal]) : timeout,
      ...(options.agent ? { agent: options.agent } : {}),
      headers: {
        ...options.headers,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    outgoing.end(body);
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    let text = '';
    let rest = '';
    let last = '';
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      const frames = (rest + chunk).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames.filter((candidate) => candidate.startsWith('data: '))) {
        last = frame;
        const content = readContent(frame);
        if (content === '') continue;
        text += content;
        const now = performance.now();
        const before = tokenTimes.at(-1);
        if (before !== undefined) options.onGap?.(now - before);
        tokenTimes.push(now);
      }
    }
    if (response.statusCode !== 200) {
      const retryAfter = response.headers['retry-after'];
      return finish({
        kind: 'refused',
        status: response.statusCode ?? 0,
        retryAfterSeconds: retryAfter === undefined ? undefined : Number(retryAfter),
      });
    }
    if (last.includes('"error"')) return finish({ kind: 'errorFrame' });
    if (last !== 'data: [DONE]') return finish({ kind: 'broken', why: 'the stream ended without [DONE]' });
    return finish(text === toAnswer(asked) ? { kind: 'whole' } : { kind: 'wrong', text });
  } catch (error) {
    const why = timeout.aborted
      ? 'nothing came any more'
      : error instanceof Error
        ? error.message
        : String(error);
    return finish({ kind: 'broken', why });
  }
}

function readContent(frame: string): string {
  if (!frame.startsWith('data: {')) return '';
  const chunk = JSON.parse(frame.slice('data: '.length)) as { choices?: { delta?: { content?: string } }[] };
  return chunk.choices?.[0]?.delta?.content ?? '';
}
