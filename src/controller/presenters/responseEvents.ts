import type { ResponseEvent, UnnumberedEvent } from '../../protocol/openai/responses/events.js';
import type { ResponseObject } from '../../protocol/openai/responses/response.js';
import type { SseFrame } from '../../protocol/sse.js';

/** Numbers the events of one stream from 0 and makes frames of them. */
export function createEventNumbering(): (events: readonly UnnumberedEvent[]) => SseFrame[] {
  let next = 0;
  return (events) =>
    events.map((event) => {
      const data: ResponseEvent = { ...event, sequence_number: next++ };
      return { event: event.type, data };
    });
}

/** How each stream of a response begins. */
export function toFirstEvents(begun: ResponseObject): UnnumberedEvent[] {
  return [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
  ];
}

/** How the stream of a response ends that came to its end. */
export function toLastEvent(response: ResponseObject): UnnumberedEvent {
  const type = response.status === 'incomplete' ? 'response.incomplete' : 'response.completed';
  return { type, response };
}
