import { setMaxListeners } from 'node:events';
import type { GenerateRequest } from '../protocol/generateRequest.js';
import type { FinishReason, GenerationEvent, OutputDelta, TokenUsage } from '../protocol/generation.js';
import type { DispatchEvent, Dispatcher } from './dispatch.js';
import type { ClientParams, DispatchTrace } from './dispatchTarget.js';
import { createTrace } from './requestContext.js';

type Of<Type extends DispatchEvent['type']> = Extract<GenerationEvent, { type: Type }>;

/** What happens to a request of a client, with the events of all its choices in the order in which they come. */
export type AnswerEvent =
  /** Once, the first: a worker has accepted a choice. */
  | {
      readonly type: 'accepted';
      readonly fingerprint: string;
      readonly promptTokens: number;
      readonly cachedTokens: number;
    }
  | { readonly type: 'progress' }
  | (Of<'echo'> & { readonly choice: number })
  | Of<'output'>
  /** Once for each choice. */
  | {
      readonly type: 'ended';
      readonly choice: number;
      readonly deltas: readonly OutputDelta[];
      readonly finishReason: FinishReason;
      readonly stopText?: string | undefined;
    }
  /** Once, the last: the usage of all choices, where a prompt counts once. */
  | { readonly type: 'done'; readonly usage: TokenUsage };

export interface ChoiceOptions {
  readonly signal: AbortSignal;
  /** As in {@link DispatchOptions}. */
  readonly deadlineAt?: number | undefined;
  readonly params: ClientParams;
  /** So many requests in a row have the same prompt, which is counted once. */
  readonly choicesPerPrompt: number;
  /** One for each request. */
  readonly traces: readonly DispatchTrace[];
  /** Told the length of each prompt when a worker has read it. */
  readonly onPrompt?: (prompt: number, tokens: number) => void;
}

/** Of one client's request: it would take the place of all others otherwise. */
const maxRunning = 16;

/** The signal of choices that others took down with them. */
const othersFailed = 'another choice of the request has ended it';

/**
 * Runs the choices of a client's request beside each other. One that fails ends all.
 *
 * @throws ApiError
 */
export async function* runChoices(
  dispatcher: Pick<Dispatcher, 'generate'>,
  requests: readonly GenerateRequest[],
  options: ChoiceOptions,
): AsyncGenerator<AnswerEvent, void, undefined> {
  const tally = new Tally(options);
  const [only] = requests;
  // Nearly all requests have one choice, each token of which goes this way.
  if (only && requests.length === 1) {
    const { signal, traces, params, deadlineAt } = options;
    const trace = traces[0] ?? createTrace();
    for await (const event of dispatcher.generate(only, { signal, trace, deadlineAt, ...params })) {
      const said = tally.take(0, event);
      if (said) yield said;
    }
  } else {
    for await (const { choice, event } of runBeside(dispatcher, requests, options)) {
      const said = tally.take(choice, event);
      if (said) yield said;
    }
  }
  yield { type: 'done', usage: tally.usage };
}

/** Makes one answer of the events of its choices. */
class Tally {
  readonly usage = { promptTokens: 0, completionTokens: 0, reasoningTokens: 0, cachedTokens: 0 };
  readonly #options: ChoiceOptions;
  #isAccepted = false;

  constructor(options: ChoiceOptions) {
    this.#options = options;
  }

  take(choice: number, event: DispatchEvent): AnswerEvent | undefined {
    switch (event.type) {
      case 'accepted': {
        const { choicesPerPrompt, onPrompt } = this.#options;
        if (choice % choicesPerPrompt === 0) onPrompt?.(choice / choicesPerPrompt, event.promptTokens);
        if (this.#isAccepted) return undefined;
        this.#isAccepted = true;
        const fingerprint = this.#options.traces[choice]?.fingerprint ?? '';
        const { promptTokens, cachedTokens } = event;
        return { type: 'accepted', fingerprint, promptTokens, cachedTokens };
      }
      case 'progress':
        return { type: 'progress' };
      case 'echo':
      case 'output':
        return { ...event, choice };
      case 'done': {
        this.#count(choice, event.usage);
        const { deltas, finishReason, stopText } = event;
        return { type: 'ended', choice, deltas, finishReason, stopText };
      }
    }
  }

  #count(
    choice: number,
    { promptTokens, completionTokens, reasoningTokens, cachedTokens }: TokenUsage,
  ): void {
    this.usage.completionTokens += completionTokens;
    this.usage.reasoningTokens += reasoningTokens;
    if (choice % this.#options.choicesPerPrompt !== 0) return;
    this.usage.promptTokens += promptTokens;
    this.usage.cachedTokens += cachedTokens;
  }
}

interface Running {
  readonly events: AsyncGenerator<DispatchEvent, void, undefined>;
  next: Promise<{ readonly choice: number; readonly result: IteratorResult<DispatchEvent, void> }>;
}

/** The events of several choices in the order in which they come. */
async function* runBeside(
  dispatcher: Pick<Dispatcher, 'generate'>,
  requests: readonly GenerateRequest[],
  { signal, params, traces, deadlineAt }: ChoiceOptions,
): AsyncGenerator<{ readonly choice: number; readonly event: DispatchEvent }, void, undefined> {
  const stop = new AbortController();
  const allSignals = AbortSignal.any([signal, stop.signal]);
  // Every running choice listens, also in several places: more than Node takes for a leak.
  setMaxListeners(0, allSignals);
  const running = new Map<number, Running>();
  let started = 0;

  const pull = async (choice: number, events: Running['events']) => ({ choice, result: await events.next() });

  function startNext(): void {
    const choice = started++;
    const request = requests[choice];
    const trace = traces[choice];
    if (!request || !trace) return;
    const events = dispatcher.generate(request, { signal: allSignals, trace, deadlineAt, ...params });
    running.set(choice, { events, next: pull(choice, events) });
  }

  try {
    while (running.size > 0 || started < requests.length) {
      while (running.size < maxRunning && started < requests.length) startNext();
      const { choice, result } = await Promise.race([...running.values()].map(({ next }) => next));
      const current = running.get(choice);
      if (result.done || !current) {
        running.delete(choice);
        continue;
      }
      current.next = pull(choice, current.events);
      yield { choice, event: result.value };
    }
  } finally {
    const left = [...running.values()];
    running.clear();
    if (left.length > 0) stop.abort(othersFailed);
    await Promise.allSettled(left.flatMap(({ next, events }) => [next, events.return()]));
  }
}
