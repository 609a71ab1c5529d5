import type { ApiError } from '../../protocol/apiError.js';
import type { FinishReason, OutputDelta, SampledLogprob, TokenUsage } from '../../protocol/generation.js';
import { toChatLogprobs } from '../../protocol/openai/logprobs.js';
import type { UnnumberedEvent } from '../../protocol/openai/responses/events.js';
import type { TextLogprobs } from '../../protocol/openai/responses/items.js';
import { toResponseUsage, type ResponseObject } from '../../protocol/openai/responses/response.js';
import type { DeltaLengths } from '../../stores/responseStore.js';
import { mintId } from './chatCompletion.js';
import type { Presenter } from './presenter.js';
import { createEventNumbering, toFirstEvents, toLastEvents } from './responseEvents.js';
import type { ItemHead } from './responseItems.js';
import { createResponseOutput } from './responseOutput.js';

export interface ResponsePresenter extends Presenter {
  result(): ResponseObject;
  /** The response as it is when this error ends it. */
  failed(error: ApiError): ResponseObject;
  /** For each output item, how its text was cut into deltas. */
  lengths(): DeltaLengths[];
}

/** A response as OpenAI's: items one after another, each opened, grown and closed, between the events of the whole. */
export function createResponsePresenter(begun: ResponseObject): ResponsePresenter {
  const numbering = createEventNumbering();
  const { toFrames } = numbering;
  const output = createResponseOutput();
  /** What the open item is: `message`, `reasoning`, or a call with its number. */
  let openKey: string | undefined;
  let hasBegun = false;
  let hasAnswer = false;
  /** Of tokens whose text has not come yet. */
  let pending: SampledLogprob[] = [];
  let finishReason: FinishReason | undefined;
  let usage: TokenUsage | undefined;
  let ended: ResponseObject | undefined;

  function begin(): UnnumberedEvent[] {
    if (hasBegun) return [];
    hasBegun = true;
    return toFirstEvents(begun);
  }

  function goOnWith(key: string, toHead: () => ItemHead): UnnumberedEvent[] {
    if (key === openKey) return [];
    openKey = key;
    return output.open(toHead());
  }

  function takePending(): TextLogprobs {
    const taken = pending;
    pending = [];
    return toChatLogprobs(taken).content;
  }

  function take(delta: OutputDelta): UnnumberedEvent[] {
    switch (delta.type) {
      case 'text':
        if (delta.delta === '') return [];
        return [...openMessage(), ...output.append(delta.delta, takePending())];
      case 'reasoning':
        if (delta.delta === '') return [];
        return [
          ...goOnWith('reasoning', () => ({ type: 'reasoning', id: mintId('rs_') })),
          ...output.append(delta.delta),
        ];
      case 'toolCall': {
        hasAnswer = true;
        const opened = goOnWith(`call ${delta.index}`, () => ({
          type: 'function_call',
          id: mintId('fc_'),
          callId: mintId('call_'),
          name: delta.name ?? '',
        }));
        return delta.delta === '' ? opened : [...opened, ...output.append(delta.delta)];
      }
    }
  }

  function openMessage(): UnnumberedEvent[] {
    hasAnswer = true;
    return goOnWith('message', () => ({ type: 'message', id: mintId('msg_') }));
  }

  function takeAll(deltas: readonly OutputDelta[], logprobs: readonly SampledLogprob[] = []) {
    pending.push(...logprobs);
    const events = deltas.flatMap(take);
    // What is left belongs to reasoning or a call, unless nothing became certain yet.
    if (deltas.length > 0) pending = [];
    return events;
  }

  function finish(): UnnumberedEvent[] {
    // A model that says nothing has said so.
    const silence = finishReason === 'stop' && !hasAnswer ? openMessage() : [];
    return [...silence, ...output.close(finishReason === 'length' ? 'incomplete' : 'completed')];
  }

  function toEnded(): ResponseObject {
    if (!usage) throw new Error('the answer is not complete');
    const whole = { ...begun, output: output.items(), usage: toResponseUsage(usage) };
    if (finishReason === 'length')
      return { ...whole, status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
    return { ...whole, status: 'completed', completed_at: Math.floor(Date.now() / 1000) };
  }

  const result = (): ResponseObject => (ended ??= toEnded());
  const failed = (error: ApiError): ResponseObject => ({
    ...begun,
    ...toFailure(error),
    output: output.items(),
  });

  return {
    push(event) {
      switch (event.type) {
        case 'accepted':
          return toFrames(begin());
        case 'output':
          return toFrames(takeAll(event.deltas, event.logprobs));
        case 'ended':
          finishReason = event.finishReason;
          return toFrames([...takeAll(event.deltas), ...finish()]);
        case 'done':
          usage = event.usage;
          return toFrames(toLastEvents(result()));
        case 'progress':
        case 'echo':
          return [];
      }
    },
    result,
    lengths: output.lengths,
    failed,
    fail: (error) => {
      // The last event was made, and never said: the response could not be kept.
      if (ended) numbering.takeBack();
      return toFrames([...begin(), { type: 'response.failed', response: failed(error) }]);
    },
  };
}

function toFailure({ message, status, errorName }: ApiError): Pick<ResponseObject, 'status' | 'error'> {
  if (errorName === 'request_aborted') return { status: 'cancelled', error: null };
  return { status: 'failed', error: { code: status < 500 ? 'invalid_prompt' : 'server_error', message } };
}
