import { Agent, errors } from 'undici';
import { CountResponse, type CountRequest } from '../../protocol/count.js';
import type { z } from 'zod';
import {
  EmbedResponse,
  RankResponse,
  type EmbedRequest,
  type RankRequest,
} from '../../protocol/embedding.js';
import { type GenerateRequest } from '../../protocol/generateRequest.js';
import { GenerationEvent, GenerationFailure } from '../../protocol/generation.js';
import {
  DetokenizeResponse,
  TokenizeResponse,
  type DetokenizeRequest,
  type TokenizeRequest,
} from '../../protocol/tokenization.js';
import { internalPaths } from '../../protocol/workerApi.js';

/** Why a call of a worker did not come to its end. */
export class UpstreamError extends Error {
  /** `lost`: the connection failed or fell silent; `refused`: the worker said no; `failed`: it gave up in the middle. */
  readonly kind: 'lost' | 'refused' | 'failed';
  readonly failure: GenerationFailure | undefined;

  constructor(
    kind: UpstreamError['kind'],
    message: string,
    options: { failure?: GenerationFailure; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.name = 'UpstreamError';
    this.kind = kind;
    this.failure = options.failure;
  }
}

/** A call with one answer. @throws UpstreamError */
type WorkerCall<Request, Answer> = (url: string, request: Request, signal: AbortSignal) => Promise<Answer>;

export interface WorkerClient {
  /**
   * Runs a generation on the worker at `url`. Ending the iteration early, or the signal, frees the worker's slot.
   *
   * @throws UpstreamError; the events end with `done` or not at all.
   */
  generate(
    url: string,
    request: GenerateRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, undefined>;
  readonly embed: WorkerCall<EmbedRequest, EmbedResponse>;
  readonly rank: WorkerCall<RankRequest, RankResponse>;
  /** How many tokens the prompt of a chat has. */
  readonly count: WorkerCall<CountRequest, CountResponse>;
  readonly tokenize: WorkerCall<TokenizeRequest, TokenizeResponse>;
  readonly detokenize: WorkerCall<DetokenizeRequest, DetokenizeResponse>;
  close(): Promise<void>;
}

export interface WorkerClientOptions {
  readonly connectTimeoutMs?: number;
  /**
   * A worker sends an event at least once a second, or an informational answer (102) before the answer of a long call:
   * silence for longer than this means that it is gone.
   */
  readonly silenceTimeoutMs?: number;
}

/** No event is longer; a line that is comes from something that is no worker. */
const maxLineLength = 1_000_000;

export function createWorkerClient(options: WorkerClientOptions = {}): WorkerClient {
  const silenceTimeoutMs = options.silenceTimeoutMs ?? 10_000;
  const agent = new Agent({
    connect: { timeout: options.connectTimeoutMs ?? 2_000 },
    headersTimeout: silenceTimeoutMs,
    bodyTimeout: silenceTimeoutMs,
    // Below the worker's own keep-alive time, so that a connection is not used at the moment it is closed.
    keepAliveTimeout: 30_000,
    keepAliveMaxTimeout: 60_000,
  });

  async function post(url: string, path: string, request: object, signal: AbortSignal) {
    const { statusCode, body } = await agent.request({
      origin: url,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal,
    });
    if (statusCode !== 200) throw toRefusal(statusCode, await body.text());
    return body;
  }

  async function* generate(url: string, request: GenerateRequest, signal: AbortSignal) {
    let last: GenerationEvent | undefined;
    try {
      const body = await post(url, internalPaths.generate, request, signal);
      for await (const event of readEvents(body)) {
        if (event.type === 'error') throw new UpstreamError('failed', event.message, { failure: event });
        // The body is read to its end, or the connection could not be used again.
        if (event.type === 'done') last = event;
        else if (!last) yield event;
      }
      if (!last) throw new UpstreamError('lost', 'the stream ended before the generation did', {});
    } catch (error) {
      if (!last || signal.aborted) throw toUpstreamError(error);
    }
    if (last) yield last;
  }

  function call<Request extends object, Answer>(
    path: string,
    schema: z.ZodType<Answer>,
    isWhole: (answer: Answer, request: Request) => boolean = () => true,
  ): WorkerCall<Request, Answer> {
    return async (url, request, signal) => {
      try {
        const body = await post(url, path, request, signal);
        const parsed = schema.safeParse(tryParseJson(await body.text()));
        if (parsed.success && isWhole(parsed.data, request)) return parsed.data;
      } catch (error) {
        throw toUpstreamError(error);
      }
      throw new UpstreamError('failed', 'the worker sent an answer of another protocol', {});
    };
  }

  return {
    generate,
    embed: call<EmbedRequest, EmbedResponse>(
      internalPaths.embed,
      EmbedResponse,
      ({ embeddings }, { inputs }) => embeddings.length === inputs.length,
    ),
    rank: call<RankRequest, RankResponse>(
      internalPaths.rank,
      RankResponse,
      ({ scores }, { documents }) => scores.length === documents.length,
    ),
    count: call(internalPaths.count, CountResponse),
    tokenize: call(internalPaths.tokenize, TokenizeResponse),
    detokenize: call(internalPaths.detokenize, DetokenizeResponse),
    close: () => agent.destroy(),
  };
}

/** One JSON event a line, checked. */
async function* readEvents(body: AsyncIterable<Buffer>): AsyncGenerator<GenerationEvent, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLineLength) throw new UpstreamError('failed', 'the worker sent an endless line', {});
    for (const line of lines) yield parseEvent(line);
  }
}

/** What does not parse is not quoted: it may hold a part of an answer, and this error is logged. */
function parseEvent(line: string): GenerationEvent {
  const parsed = GenerationEvent.safeParse(tryParseJson(line));
  if (!parsed.success) throw new UpstreamError('failed', 'the worker sent a line that is no event', {});
  return parsed.data;
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toRefusal(statusCode: number, text: string): UpstreamError {
  const parsed = GenerationFailure.safeParse(tryParseJson(text));
  if (!parsed.success)
    return new UpstreamError('failed', `the worker answered with status ${statusCode}`, {});
  return new UpstreamError('refused', parsed.data.message, { failure: parsed.data });
}

function toUpstreamError(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  return new UpstreamError('lost', describe(error), { cause: error });
}

function describe(error: unknown): string {
  if (error instanceof errors.UndiciError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
