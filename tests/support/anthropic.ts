import Anthropic from '@anthropic-ai/sdk';
import { MessageStreamEvent } from '../../src/protocol/anthropic/messageEvents.js';
import { startTestCluster, type TestCluster, type TestClusterOptions } from './testCluster.js';
import type { Script } from './fakeWorker.js';
import type { GenerationEvent, OutputDelta } from '../../src/protocol/generation.js';

export interface AnthropicCluster extends Omit<TestCluster, 'client'> {
  /** Anthropic's official client, without retries of its own. */
  readonly client: Anthropic;
}

export function createAnthropicClient(url: string): Anthropic {
  return new Anthropic({ baseURL: url, apiKey: 'unused', maxRetries: 0 });
}

export async function startAnthropicCluster(options: TestClusterOptions = {}): Promise<AnthropicCluster> {
  const cluster = await startTestCluster(options);
  return { ...cluster, client: createAnthropicClient(cluster.url) };
}

/** Answers with these deltas, one token each. */
export function answerDeltas(
  deltas: readonly OutputDelta[],
  done: Partial<Extract<GenerationEvent, { type: 'done' }>> = {},
): Script {
  return async (call) => {
    await call.send({ type: 'accepted', promptTokens: 7, cachedTokens: 3 });
    for (const [index, delta] of deltas.entries())
      await call.send({ type: 'output', choice: 0, tokenIds: [index], deltas: [delta] });
    await call.send({
      type: 'done',
      deltas: [],
      finishReason: 'stop',
      usage: { promptTokens: 7, completionTokens: deltas.length, reasoningTokens: 0, cachedTokens: 3 },
      timings: { prefillMs: 1, decodeMs: 1 },
      ...done,
    });
  };
}

/** The events of a stream, each checked against the schema and sent under its own name; comments are left out. */
export function eventsOf(frames: readonly string[]): MessageStreamEvent[] {
  return frames
    .filter((frame) => !frame.startsWith(':'))
    .map((frame) => {
      const [name, data] = frame.split('\ndata: ');
      const event = MessageStreamEvent.parse(JSON.parse(data ?? ''));
      if (name !== `event: ${event.type}`) throw new Error(`${event.type} was sent as ${name}`);
      return event;
    });
}
