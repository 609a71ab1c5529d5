import type { ApiError } from '../../protocol/apiError.js';
import type { SseFrame } from '../../protocol/sse.js';
import type { AnswerEvent } from '../runChoices.js';

/** Shapes one answer in the words of one API: as a stream, or as the same stream folded to JSON. */
export interface Presenter {
  /** What a stream says of this event, in order; the same events make up the `result`. */
  push(event: AnswerEvent): readonly SseFrame[];
  /** The whole answer, behind the last event. */
  result(): object;
  /** How a stream ends that failed after its first frame. */
  fail(error: ApiError): readonly SseFrame[];
}

/** As the official clients of OpenAI raise it: an error object, and no `[DONE]`. */
export function failAsOpenAi(error: ApiError): readonly SseFrame[] {
  return [{ data: error.toBody() }];
}
