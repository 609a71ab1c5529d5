import type { GenerationEvent, OutputDelta } from '../../src/protocol/generation.js';
import {
  anonymousPrincipal,
  defaultSampling,
  type ChatGenerateRequest,
  type GenerateRequest,
  type Sampling,
  type TextGenerateRequest,
} from '../../src/protocol/generateRequest.js';
import type { Scheduler } from '../../src/worker/scheduler/scheduler.js';

export const greedy: Sampling = { ...defaultSampling, temperature: 0, seed: 1 };

const common = {
  requestId: 'req_test',
  model: 'tiny',
  principal: anonymousPrincipal,
  choice: 0,
  sampling: greedy,
  constraint: { type: 'text' },
  maxTokens: null,
  stop: [],
  ignoreEos: false,
  topLogprobs: null,
  deadlineMs: null,
  resumeTokens: [],
} as const;

/** A greedy request with one user message; everything else may be changed. */
export function toRequest(content: string, changes: Partial<ChatGenerateRequest> = {}): ChatGenerateRequest {
  return {
    ...common,
    stop: [],
    resumeTokens: [],
    kind: 'chat',
    messages: [{ role: 'user', content }],
    tools: [],
    toolChoice: 'none',
    parallelToolCalls: true,
    templateOptions: {},
    ...changes,
  };
}

/** A greedy completion of a text; everything else may be changed. */
export function toTextRequest(
  prompt: string | number[],
  changes: Partial<TextGenerateRequest> = {},
): TextGenerateRequest {
  return { ...common, stop: [], resumeTokens: [], kind: 'text', prompt, echo: false, ...changes };
}

type EventOf<T extends GenerationEvent['type']> = Extract<GenerationEvent, { type: T }>;

export interface Generated {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[];
  readonly tokens: number[];
  /** The text that came with each output event, in order. */
  readonly deltas: string[];
  readonly outputs: readonly EventOf<'output'>[];
  readonly accepted: EventOf<'accepted'>;
  readonly echo: EventOf<'echo'> | undefined;
  readonly done: EventOf<'done'> | undefined;
  readonly error: EventOf<'error'> | undefined;
}

/** Runs a request to its end and folds its events. */
export async function generate(
  scheduler: Scheduler,
  request: GenerateRequest,
  signal = new AbortController().signal,
): Promise<Generated> {
  const submission = scheduler.submit(request, signal);
  if (submission.kind === 'refused')
    throw new Error(`refused: ${submission.failure.code}: ${submission.failure.message}`);
  return fold(submission.events as AsyncIterable<GenerationEvent>);
}

export async function fold(events: AsyncIterable<GenerationEvent>): Promise<Generated> {
  const all: GenerationEvent[] = [];
  for await (const event of events) all.push(event);
  const find = <T extends GenerationEvent['type']>(type: T) =>
    all.find((event): event is EventOf<T> => event.type === type);
  const outputs = all.filter((event) => event.type === 'output');
  const done = find('done');
  const accepted = find('accepted');
  if (!accepted) throw new Error('the stream had no accepted event');
  const deltas = [...outputs.flatMap((event) => event.deltas), ...(done?.deltas ?? [])];
  return {
    text: textOf(deltas),
    reasoning: deltas.map((delta) => (delta.type === 'reasoning' ? delta.delta : '')).join(''),
    toolCalls: foldToolCalls(deltas),
    tokens: outputs.flatMap(({ tokenIds }) => tokenIds),
    deltas: outputs.map((event) => textOf(event.deltas)),
    outputs,
    accepted,
    echo: find('echo'),
    done,
    error: find('error'),
  };
}

function textOf(deltas: readonly OutputDelta[]): string {
  return deltas.map((delta) => (delta.type === 'text' ? delta.delta : '')).join('');
}

function foldToolCalls(deltas: readonly OutputDelta[]): { name: string; arguments: string }[] {
  const calls: { name: string; arguments: string }[] = [];
  for (const delta of deltas) {
    if (delta.type !== 'toolCall') continue;
    const call = (calls[delta.index] ??= { name: '', arguments: '' });
    call.name += delta.name ?? '';
    call.arguments += delta.delta;
  }
  return calls;
}
