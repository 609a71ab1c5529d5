import type OpenAI from 'openai';
import type { toFile, toStreamingFile } from 'openai';
import type { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import type { ClientCluster } from '../clientCluster.js';

/** One version of the official client with its helpers; version 7 is used by the types of version 6. */
export interface ClientModule {
  readonly OpenAI: typeof OpenAI;
  readonly toFile: typeof toFile;
  readonly toStreamingFile: typeof toStreamingFile;
  readonly zodResponseFormat: typeof zodResponseFormat;
  readonly zodFunction: typeof zodFunction;
  readonly zodTextFormat: typeof zodTextFormat;
  readonly zodResponsesFunction: typeof zodResponsesFunction;
}

export interface Stage extends ClientModule {
  readonly cluster: ClientCluster;
  /** Without retries of its own. */
  readonly client: OpenAI;
}

/** What every version of the official client has to see, as a sentence that follows the client's name. */
export interface Behaviour {
  readonly name: string;
  run(stage: Stage): Promise<void>;
}

export const user = (content: string) => [{ role: 'user' as const, content }];

/** A short greedy answer of the real model. */
export const tinyChat = { model: 'tiny', messages: user('Hello'), temperature: 0, max_tokens: 12 };
export const tinyResponse = { model: 'tiny', input: 'Hello', temperature: 0, max_output_tokens: 12 };

/** What a promise is rejected with. */
export async function rejection(asked: PromiseLike<unknown>): Promise<unknown> {
  try {
    await asked;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** All that an asynchronous iterable has. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
