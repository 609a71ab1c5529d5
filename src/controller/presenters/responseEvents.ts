import type { ResponseEvent, UnnumberedEvent } from '../../protocol/openai/responses/events.js';
import type { ResponseObject } from '../../protocol/openai/responses/response.js';
import type { SseFrame } from '../../protocol/sse.js';

export interface EventNumbering {
  toFrames(events: readonly UnnumberedEvent[]): SseFrame[];
  /** The last frame is not sent after all: the next one has its number. */
  takeBack(): void;
}

/** Numbers the events of one stream from 0 and makes frames of them. */
export function createEventNumbering(): EventNumbering {
  let next = 0;
  return {
    toFrames: (events) =>
      events.map((event) => {
        const data: ResponseEvent = { ...event, sequence_number: next++ };
        return { event: event.type, data };
      }),
    takeBack: () => void next--,
  };
}

/** How each stream of a response begins. */
export function toFirstEvents(begun: ResponseObject): UnnumberedEvent[] {
  return [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
  ];
}

/** How the stream of a response ends that came to an end; of one that was cancelled nobody heard any. */
export function toLastEvents(response: ResponseObject): UnnumberedEvent[] {
  const { status } = response;
  const isEnd = status === 'completed' || status === 'incomplete' || status === 'failed';
  return isEnd ? [{ type: `response.${status}`, response }] : [];
}
