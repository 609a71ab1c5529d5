import {
  anonymousPrincipal,
  type GenerateRequest,
  type GenerationEvent,
} from '../../src/protocol/generation.js';
import type { Scheduler } from '../../src/worker/scheduler.js';

/** A greedy request with one user message; everything else may be changed. */
export function toRequest(content: string, changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    requestId: 'req_test',
    model: 'tiny',
    principal: anonymousPrincipal,
    kind: 'chat',
    messages: [{ role: 'user', content }],
    sampling: { temperature: 0, topP: 1, seed: 1 },
    maxTokens: null,
    stop: [],
    resumeTokens: [],
    ...changes,
  };
}

export interface Generated {
  readonly text: string;
  readonly tokens: number[];
  /** Text events only, in order. */
  readonly deltas: string[];
  readonly accepted: Extract<GenerationEvent, { type: 'accepted' }>;
  readonly done: Extract<GenerationEvent, { type: 'done' }> | undefined;
  readonly error: Extract<GenerationEvent, { type: 'error' }> | undefined;
}

/** Runs a request to its end and folds its events. */
export async function generate(
  scheduler: Scheduler,
  request: GenerateRequest,
  signal = new AbortController().signal,
): Promise<Generated> {
  const submission = scheduler.submit(request, signal);
  if (submission.kind === 'refused') throw new Error(`refused: ${submission.failure.code}`);
  return fold(submission.events as AsyncIterable<GenerationEvent>);
}

export async function fold(events: AsyncIterable<GenerationEvent>): Promise<Generated> {
  const all: GenerationEvent[] = [];
  for await (const event of events) all.push(event);
  const texts = all.filter((event) => event.type === 'text');
  const done = all.find((event) => event.type === 'done');
  const accepted = all.find((event) => event.type === 'accepted');
  if (!accepted) throw new Error('the stream had no accepted event');
  return {
    text: texts.map(({ delta }) => delta).join('') + (done?.delta ?? ''),
    tokens: texts.flatMap(({ tokenIds }) => tokenIds),
    deltas: texts.map(({ delta }) => delta),
    accepted,
    done,
    error: all.find((event) => event.type === 'error'),
  };
}
