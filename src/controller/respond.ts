import { once } from 'node:events';
import type { Response } from 'express';
import { toApiError, type ApiError } from '../protocol/apiError.js';
import { sseHeaders } from '../protocol/headers.js';
import { formatQueueComment, formatSseFrame, sseKeepalive } from '../protocol/sse.js';
import type { Presenter } from './presenters/presenter.js';
import { contextOf, settleInference, type InferenceContext } from './requestContext.js';
import type { AnswerEvent } from './runChoices.js';

export interface Answer {
  readonly events: AsyncGenerator<AnswerEvent, void, undefined>;
  readonly presenter: Presenter;
  readonly inference: InferenceContext;
  /**
   * Awaited before the client sees that the answer is complete: what has to be kept, is. A stream that has begun and
   * comes to another end is kept with the error.
   */
  readonly keep?: ((error?: ApiError) => Promise<void>) | undefined;
}

export interface StreamTimings {
  /** A stream whose client takes nothing for so long is cut, so that it does not hold its slot for ever. */
  readonly stallTimeoutMs: number;
  /** A stream that waits for a slot longer than this begins without one: its client sees that it lives. */
  readonly patienceMs: number;
  /** Between two signs of life while nothing else is sent. */
  readonly keepaliveMs: number;
}

/** Official clients give up on silence after minutes, proxies after 30 to 60 s. */
export const defaultStreamTimings: StreamTimings = {
  stallTimeoutMs: 30_000,
  patienceMs: 15_000,
  keepaliveMs: 10_000,
};

/** Folds the events to one JSON answer. */
export async function respondAsJson(answer: Answer, res: Response): Promise<void> {
  res.json(await foldAnswer(answer));
}

/** Runs the events to their end; what a stream would have said is the answer. */
export async function foldAnswer({ events, presenter, inference, keep }: Answer): Promise<object> {
  for await (const event of events) {
    noteFinish(inference, event);
    presenter.push(event);
  }
  const result = presenter.result();
  await keep?.();
  settleInference(inference, 'success');
  return result;
}

/**
 * Sends the events as they come. The headers go out when a worker has accepted the request, so that what fails before
 * is a status; a client that waits for long gets them earlier, and signs of life.
 */
export async function respondAsStream(answer: Answer, res: Response, timings: StreamTimings): Promise<void> {
  const { events, presenter, inference, keep } = answer;
  const open = () => {
    if (res.headersSent) return;
    contextOf(res).toErrorFrames = (error) => presenter.fail(error).map(formatSseFrame).join('');
    res.status(200).set(sseHeaders);
    inference.firstByteAt = performance.now();
  };
  const write = async (text: string) => {
    if (res.write(text) || res.destroyed) return;
    inference.pauses++;
    await untilRead(res, timings.stallTimeoutMs);
  };
  const keepalive = startKeepalive(res, open, () => signOfLife(inference), timings);
  try {
    for await (const event of events) {
      noteFinish(inference, event);
      const frames = presenter.push(event);
      open();
      // With the first frame where there is one, in one packet.
      if (frames.length === 0 && !res.headersSent) res.flushHeaders();
      if (event.type === 'progress') await write(sseKeepalive);
      if (event.type === 'done') {
        await keep?.();
        settleInference(inference, 'success');
      }
      if (frames.length === 0) continue;
      keepalive.postpone();
      await write(frames.map(formatSseFrame).join(''));
    }
    res.end();
  } catch (error) {
    // What ended the answer is what its client has to hear of, also where that cannot be stored.
    if (res.headersSent) await keep?.(toApiError(error)).catch(() => undefined);
    throw error;
  } finally {
    keepalive.stop();
  }
}

function noteFinish(inference: InferenceContext, event: AnswerEvent): void {
  if (event.type === 'ended') inference.finishReasons.push(event.finishReason);
}

/** Of a request that waits for a slot, where it stands. */
function signOfLife({ traces }: InferenceContext): string {
  const places = traces.flatMap(({ queuePlace }) => queuePlace?.() ?? []);
  const [first] = places.sort((a, b) => a.position - b.position);
  return first ? formatQueueComment(first) : sseKeepalive;
}

/** Comments while nothing is sent: the first after the patience, where the stream has not begun. */
function startKeepalive(
  res: Response,
  open: () => void,
  comment: () => string,
  { patienceMs, keepaliveMs }: StreamTimings,
): { postpone(): void; stop(): void } {
  const beat = () => {
    open();
    if (!res.writableNeedDrain && !res.destroyed) res.write(comment());
    timer = setTimeout(beat, keepaliveMs);
  };
  let timer = setTimeout(beat, patienceMs);
  return {
    postpone: () => {
      clearTimeout(timer);
      timer = setTimeout(beat, keepaliveMs);
    },
    stop: () => clearTimeout(timer),
  };
}

/** The client reads slower than the model writes. One that leaves, or takes nothing for so long, ends the wait. */
async function untilRead(res: Response, stallTimeoutMs: number): Promise<void> {
  const settled = new AbortController();
  const stalled = setTimeout(() => res.destroy(), stallTimeoutMs);
  try {
    await Promise.race([
      once(res, 'drain', { signal: settled.signal }),
      once(res, 'close', { signal: settled.signal }),
    ]);
  } finally {
    clearTimeout(stalled);
    settled.abort();
  }
}
