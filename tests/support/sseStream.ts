import type { IncomingHttpHeaders } from 'node:http';
import { Agent, type Dispatcher } from 'undici';
import { ChatCompletionChunk } from '../../src/protocol/openai/chatCompletions.js';

/** A streamed answer, read frame by frame as a client without an SDK would. */
export interface SseStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The next frame without its blank line; undefined at the end of the stream. */
  next(): Promise<string | undefined>;
  /** All frames up to the end. */
  rest(): Promise<string[]>;
  /** Leaves: closes the connection. */
  leave(): void;
}

/** Posts a JSON body on a connection of its own and reads the answer as it comes. */
export async function openSse(url: string, body: unknown): Promise<SseStream> {
  const agent = new Agent({ connections: 1, bodyTimeout: 0, headersTimeout: 0 });
  const leaving = new AbortController();
  const { origin, pathname } = new URL(url);
  const answer: Dispatcher.ResponseData = await agent.request({
    origin,
    path: pathname,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: leaving.signal,
  });
  const frames = readFrames(answer.body);
  const next = async () => {
    const { value, done } = await frames.next();
    if (done) await agent.close();
    return done ? undefined : value;
  };
  return {
    status: answer.statusCode,
    headers: answer.headers,
    next,
    rest: async () => {
      const all: string[] = [];
      for (let frame = await next(); frame !== undefined; frame = await next()) all.push(frame);
      return all;
    },
    leave: () => {
      answer.body.on('error', () => undefined);
      leaving.abort();
      void agent.destroy();
    },
  };
}

async function* readFrames(body: AsyncIterable<Buffer>): AsyncGenerator<string, undefined, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const frames = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = frames.pop() ?? '';
    yield* frames;
  }
  if (rest !== '') yield rest;
  return undefined;
}

/** The value behind `data: `. */
export function dataOf(frame: string | undefined): unknown {
  if (!frame?.startsWith('data: ')) throw new Error(`no data frame: ${frame}`);
  return JSON.parse(frame.slice('data: '.length)) as unknown;
}

/** The chunks of a stream that ended well, checked against the schema; `[DONE]` has to be last. */
export function chunksOf(frames: readonly string[]): ChatCompletionChunk[] {
  if (frames.at(-1) !== 'data: [DONE]') throw new Error(`the stream ended with ${frames.at(-1)}`);
  return frames
    .slice(0, -1)
    .filter((frame) => !frame.startsWith(':'))
    .map((frame) => ChatCompletionChunk.parse(dataOf(frame)));
}

/** What the client has read so far. */
export function contentOf(frames: readonly string[]): string {
  return frames
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => dataOf(frame) as { choices?: { delta?: { content?: string } }[] })
    .map((chunk) => chunk.choices?.[0]?.delta?.content ?? '')
    .join('');
}
