import type OpenAI from 'openai';
import type { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import type { ClientCluster } from '../clientCluster.js';

/** One version of the official client with its helpers; version 7 is used by the types of version 6. */
export interface ClientModule {
  readonly OpenAI: typeof OpenAI;
  readonly zodResponseFormat: typeof zodResponseFormat;
  readonly zodFunction: typeof zodFunction;
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
