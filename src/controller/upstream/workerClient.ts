import type { Dispatcher } from 'undici';
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
import { createConnections, type ConnectionCounts } from './connections.js';
import { readLines, readText } from './readLines.js';
import { toUpstreamError, UpstreamError } from './upstreamError.js';

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
  /** Connections that are open now, by the URL of the worker. */
  connectionCounts(): (url: string) => ConnectionCounts;
  close(): Promise<void>;
}

export interface WorkerClientOptions {
  readonly clusterToken: string;
  readonly connectTimeoutMs?: number | undefined;
  /**
   * A worker sends an event at least once a second, or an informational answer (102) before the answer of a long call:
   * silence for longer than this means that it is gone.
   */
  readonly silenceTimeoutMs?: number | undefined;
  /** Told of each connection that was opened. */
  readonly onConnected?: (origin: string, ms: number) => void;
}

/** No event is longer, also the echo of a long prompt with its log probabilities. */
const maxLineBytes = 32 * 1024 * 1024;
/** No answer is larger, also the vectors of thousands of inputs. */
const maxAnswerBytes = 256 * 1024 * 1024;
const maxRefusalBytes = 64 * 1024;

export function createWorkerClient(options: WorkerClientOptions): WorkerClient {
  const connections = createConnections({
    clusterToken: options.clusterToken,
    connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
    silenceTimeoutMs: options.silenceTimeoutMs ?? 5_000,
    onConnected: options.onConnected,
  });

  async function post(url: string, path: string, request: object, signal: AbortSignal) {
    const { statusCode, body } = await connections.post(url, path, JSON.stringify(request), signal);
    if (statusCode !== 200) throw await toRefusal(statusCode, body);
    return body;
  }

  async function* generate(url: string, request: GenerateRequest, signal: AbortSignal) {
    let last: GenerationEvent | undefined;
    try {
      const body = await post(url, internalPaths.generate, request, signal);
      for await (const line of readLines(body, maxLineBytes)) {
        const event = parseEvent(line);
        if (event.type === 'error') throw new UpstreamError('failed', event.message, { failure: event });
        // The body is read to its end, or the connection could not be used again.
        if (event.type === 'done') last = event;
        else if (!last) yield event;
      }
      if (!last) throw new UpstreamError('garbage', 'the stream ended before the generation did');
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
        const parsed = schema.safeParse(tryParseJson(await readText(body, maxAnswerBytes)));
        if (parsed.success && isWhole(parsed.data, request)) return parsed.data;
      } catch (error) {
        throw toUpstreamError(error);
      }
      throw new UpstreamError('garbage', 'the worker sent an answer of another protocol');
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
    connectionCounts: () => {
      const countsOf = connections.counts();
      return (url) => countsOf(new URL(url).origin);
    },
    close: () => connections.close(),
  };
}

/** A line of a stream, checked. What does not parse is not quoted: it may hold a part of an answer, and this error is logged. */
function parseEvent(line: string): GenerationEvent {
  const parsed = GenerationEvent.safeParse(tryParseJson(line));
  if (!parsed.success) throw new UpstreamError('garbage', 'the worker sent a line that is no event');
  return parsed.data;
}

function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function toRefusal(statusCode: number, body: Dispatcher.ResponseData['body']): Promise<UpstreamError> {
  const parsed = GenerationFailure.safeParse(tryParseJson(await readText(body, maxRefusalBytes)));
  if (statusCode === 401) {
    const message = 'the worker refuses this controller: it was started with another cluster token';
    return new UpstreamError('garbage', message);
  }
  if (!parsed.success) return new UpstreamError('garbage', `the worker answered with status ${statusCode}`);
  return new UpstreamError('refused', parsed.data.message, { failure: parsed.data });
}
