import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { toChatBody, type PacedAnswer } from './paced.js';
import type { Gateway } from './gateways.js';

/** One streamed answer, in milliseconds. */
export interface StreamSample {
  /** From sending the request to the first byte of the body. */
  readonly firstByteMs: number;
  /** Between tokens that arrived one after the other. */
  readonly gapsMs: readonly number[];
}

/** Connections are kept and as many as there are streams. */
export function createClient(): Agent {
  return new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 4096 });
}

/** The content of a chunk: every token of the upstream has one. */
const tokenMark = Buffer.from(' word');

/**
 * Asks for a paced answer and notes when its tokens arrive.
 *
 * @throws where the answer is no complete stream.
 */
export async function stream(
  gateway: Gateway,
  answer: PacedAnswer,
  agent: Agent,
  onFirstByte?: () => void,
): Promise<StreamSample> {
  const sentAt = performance.now();
  const response = await post(gateway, toChatBody(answer), agent);
  const arrivals: { readonly at: number; readonly tokens: number }[] = [];
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const at = performance.now();
    if (arrivals.length === 0) onFirstByte?.();
    const text = Buffer.concat([tail, chunk]);
    arrivals.push({ at, tokens: countTokens(text) });
    // A mark that was cut in two is found with the next chunk.
    tail = response.statusCode === 200 ? text.subarray(text.length - (tokenMark.length - 1)) : text;
  }
  const tokens = arrivals.reduce((sum, arrival) => sum + arrival.tokens, 0);
  if (response.statusCode !== 200 || tokens !== answer.tokens || !tail.toString().includes(']')) {
    const end = tail.toString().trim();
    throw new Error(
      `${gateway.name}: status ${response.statusCode}, ${tokens} of ${answer.tokens} tokens, ends with ${end}`,
    );
  }
  const times = arrivals.flatMap(({ at, tokens: count }) => Array.from({ length: count }, () => at));
  return {
    firstByteMs: (arrivals[0]?.at ?? NaN) - sentAt,
    gapsMs: times.slice(1).map((time, index) => time - (times[index] ?? NaN)),
  };
}

/**
 * Asks for the same answer in one piece.
 *
 * @returns milliseconds from sending the request to the end of the answer
 * @throws where the status is not 200.
 */
export async function askWhole(gateway: Gateway, answer: PacedAnswer, agent: Agent): Promise<number> {
  const sentAt = performance.now();
  const response = await post(gateway, toChatBody(answer, false), agent);
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) bytes += chunk.length;
  if (response.statusCode !== 200 || bytes === 0) {
    throw new Error(`${gateway.name}: status ${response.statusCode}, ${bytes} bytes`);
  }
  return performance.now() - sentAt;
}

async function post(gateway: Gateway, body: string, agent: Agent): Promise<IncomingMessage> {
  const outgoing = httpRequest(gateway.url, {
    method: 'POST',
    agent,
    headers: {
      ...gateway.headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

function countTokens(text: Buffer): number {
  let count = 0;
  for (let at = text.indexOf(tokenMark); at >= 0; at = text.indexOf(tokenMark, at + 1)) count++;
  return count;
}
