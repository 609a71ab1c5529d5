import type { UnnumberedEvent } from '../../protocol/openai/responses/events.js';
import type { OutputItem } from '../../protocol/openai/responses/items.js';
import type { ResponseObject } from '../../protocol/openai/responses/response.js';
import type { SseFrame } from '../../protocol/sse.js';
import type { DeltaLengths, StoredResponse } from '../../stores/responseStore.js';
import { createEventNumbering, toFirstEvents, toLastEvents } from './responseEvents.js';
import type { ItemHead } from './responseItems.js';
import { asBegun } from './responseObject.js';
import { createResponseOutput, type ResponseOutput } from './responseOutput.js';

/** The stream of a stored response once more: the same events with the same numbers. */
export function replayResponse({ response, lengths }: StoredResponse): SseFrame[] {
  const { toFrames } = createEventNumbering();
  const output = createResponseOutput();
  return toFrames([
    ...toFirstEvents(asBegun(response)),
    ...response.output.flatMap((item, index) => [
      ...replayItem(output, item, lengths[index] ?? []),
      ...(isLeftOpen(response, item) ? [] : output.close(item.status)),
    ]),
    ...toLastEvents(response),
  ]);
}

function replayItem(output: ResponseOutput, item: OutputItem, lengths: DeltaLengths): UnnumberedEvent[] {
  const { text, logprobs } = contentOf(item);
  const events = output.open(headOf(item));
  let characters = 0;
  let tokens = 0;
  for (const [addedCharacters, addedTokens] of lengths) {
    const delta = text.slice(characters, (characters += addedCharacters));
    events.push(...output.append(delta, logprobs.slice(tokens, (tokens += addedTokens))));
  }
  return events;
}

/** What a failure interrupts is never closed. */
function isLeftOpen({ status }: ResponseObject, item: OutputItem): boolean {
  return item.status === 'incomplete' && (status === 'failed' || status === 'cancelled');
}

function headOf(item: OutputItem): ItemHead {
  if (item.type !== 'function_call') return { type: item.type, id: item.id };
  return { type: item.type, id: item.id, callId: item.call_id, name: item.name };
}

function contentOf(item: OutputItem) {
  if (item.type === 'function_call') return { text: item.arguments, logprobs: [] };
  const [part] = item.content;
  return { text: part?.text ?? '', logprobs: part && 'logprobs' in part ? part.logprobs : [] };
}
