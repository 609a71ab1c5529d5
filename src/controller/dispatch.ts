import type { ControllerEvents } from '../observability/events.js';
import type { GenerateRequest } from '../protocol/generateRequest.js';
import type { GenerationEvent } from '../protocol/generation.js';
import type { DispatchOptions, DispatchTarget } from './dispatchTarget.js';
import { contentOf } from './recovery/contentFingerprint.js';
import { createRunAttempts, type Attempt, type RunAttemptsDeps } from './recovery/runAttempts.js';
import type { RequestWorks } from './requestWork.js';
import { toReceipt } from './routingReceipt.js';
import type { WorkerClient } from './upstream/workerClient.js';

export type DispatchEvent = Exclude<GenerationEvent, { type: 'error' }>;

/** Runs requests on some worker, and on another one where the first fails. */
export interface Dispatcher {
  /** The generator yields `accepted` once, ends after `done`, and throws ApiError. Ending it early frees the slot. */
  generate(
    request: GenerateRequest,
    options: DispatchOptions,
  ): AsyncGenerator<DispatchEvent, void, undefined>;
  /**
   * Work with one answer: `run` is given the address of a worker that has a slot for it.
   *
   * @throws ApiError
   */
  call<T>(
    target: DispatchTarget,
    options: DispatchOptions,
    run: (url: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

export interface DispatcherDeps extends RunAttemptsDeps {
  readonly workers: Pick<WorkerClient, 'generate'>;
  readonly works: RequestWorks;
  readonly events: RunAttemptsDeps['events'] & Pick<ControllerEvents, 'requestRouted'>;
}

/**
 * The life of a request: wait for a slot, run, and where a worker fails, run on elsewhere with the tokens that are
 * already there, so that the client sees a pause, no token twice and none missing.
 */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { workers, works, events, now } = deps;
  const runAttempts = createRunAttempts(deps);

  function generate(given: GenerateRequest, options: DispatchOptions) {
    const { request, work } = works.prepare(given);
    const { requestId, model, principal } = request;
    const { trace, deadlineAt } = options;
    const target = { requestId, model, principal, work, canPause: true, content: () => contentOf(given) };
    const tokens = [...request.resumeTokens];
    const seen = { accepted: false, echo: false };
    let { splitBlocks } = request;

    return runAttempts(target, options, async function* ({ lease, signal, ...attempt }: Attempt) {
      const deadlineMs =
        deadlineAt === undefined ? request.deadlineMs : Math.max(1, Math.ceil(deadlineAt - now()));
      const resumed = { ...request, deadlineMs, resumeTokens: tokens, splitBlocks };
      for await (const event of workers.generate(lease.url, resumed, signal)) {
        attempt.heard();
        switch (event.type) {
          case 'error':
            continue;
          case 'accepted':
            trace.acceptedAt ??= now();
            lease.accepted(event.promptTokens + tokens.length, event.cachedTokens);
            works.learnPrompt(request, work, event.promptTokens);
            trace.route = lease.decision;
            events.requestRouted({ requestId, model, ...toReceipt(lease.decision, event) });
            attempt.accepted(event.promptTokens + tokens.length - event.cachedTokens);
            trace.promptTokens = event.promptTokens;
            if (seen.accepted) continue;
            trace.cachedTokens = event.cachedTokens;
            seen.accepted = true;
            break;
          case 'echo':
            if (seen.echo) continue;
            seen.echo = true;
            break;
          case 'output':
            if (event.tokenIds.length > 0) attempt.progressed(event.tokenIds.length);
            splitBlocks ??= event.splitBlocks;
            tokens.push(...event.tokenIds);
            trace.completionTokens = tokens.length;
            lease.countTokens(event.tokenIds.length);
            break;
          case 'done':
            trace.cachedTokens = event.usage.cachedTokens;
            works.learnOutput(request, event.usage.completionTokens);
            lease.holds(event.cachedPrefix ?? []);
            break;
          case 'progress':
        }
        yield event;
      }
    });
  }

  async function call<T>(
    target: DispatchTarget,
    options: DispatchOptions,
    run: (url: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const results = runAttempts(target, options, async function* ({ lease, signal }) {
      options.trace.acceptedAt ??= now();
      yield await run(lease.url, signal);
      options.trace.lastTokenAt = now();
    });
    let answer: { readonly result: T } | undefined;
    for await (const result of results) answer = { result };
    if (!answer) throw new Error('an attempt ended without a result');
    return answer.result;
  }

  return { generate, call };
}
