import { once } from 'node:events';
import type { Response } from 'express';
import type { FinishReason, OutputDelta, TokenUsage } from '../protocol/generation.js';
import { sseHeaders } from '../protocol/headers.js';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  CompletionUsage,
} from '../protocol/openai/chatCompletions.js';
import { formatSseData, sseDone, sseKeepalive } from '../protocol/sse.js';
import type { DispatchEvent } from './dispatch.js';
import type { InferenceContext } from './requestContext.js';

/** What is the same in every chunk of an answer. */
export interface CompletionIdentity {
  /** `chatcmpl-…` */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

export interface CompletionAnswer {
  readonly identity: CompletionIdentity;
  readonly events: AsyncGenerator<DispatchEvent, void, undefined>;
  readonly inference: InferenceContext;
  readonly res: Response;
  /** A stream whose client takes nothing for so long is cut, so that it does not hold its slot for ever. */
  readonly stallTimeoutMs: number;
}

/** Folds the events to one JSON answer. */
export async function respondAsJson({ identity, events, inference, res }: CompletionAnswer): Promise<void> {
  let content = '';
  for await (const event of events) {
    if (event.type === 'output' || event.type === 'done') content += textOf(event.deltas);
    if (event.type !== 'done') continue;
    inference.finishReason = event.finishReason;
    const completion: ChatCompletion = {
      id: identity.id,
      object: 'chat.completion',
      created: identity.created,
      model: identity.model,
      system_fingerprint: inference.trace.fingerprint ?? '',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content, refusal: null },
          logprobs: null,
          finish_reason: event.finishReason,
        },
      ],
      usage: toCompletionUsage(event.usage),
    };
    inference.outcome = 'success';
    res.json(completion);
  }
}

/**
 * Sends the events as they come, as OpenAI's chunks: role, content, finish reason, usage if asked for, `[DONE]`.
 * The headers go out when a worker has accepted the request, so that what fails before is a status.
 */
export async function respondAsStream(
  answer: CompletionAnswer,
  options: { includeUsage: boolean },
): Promise<void> {
  const { identity, events, inference, res } = answer;
  const write = (frame: string) => writeFrame(res, frame, answer.stallTimeoutMs);

  type Choice = ChatCompletionChunk['choices'][number];
  const toChunk = (choices: Choice[], usage?: CompletionUsage): ChatCompletionChunk => ({
    id: identity.id,
    object: 'chat.completion.chunk',
    created: identity.created,
    model: identity.model,
    system_fingerprint: inference.trace.fingerprint ?? '',
    choices,
    ...(options.includeUsage ? { usage: usage ?? null } : {}),
  });
  const sendDelta = (delta: Choice['delta'], finishReason: FinishReason | null = null) =>
    write(formatSseData(toChunk([{ index: 0, delta, logprobs: null, finish_reason: finishReason }])));

  const sendText = async (deltas: readonly OutputDelta[]) => {
    const content = textOf(deltas);
    if (content !== '') await sendDelta({ content });
  };

  for await (const event of events) {
    switch (event.type) {
      case 'accepted':
        res.status(200).set(sseHeaders);
        inference.firstByteAt = performance.now();
        await sendDelta({ role: 'assistant', content: '', refusal: null });
        break;
      case 'progress':
        await write(sseKeepalive);
        break;
      case 'echo':
        break;
      case 'output':
        await sendText(event.deltas);
        break;
      case 'done':
        await sendText(event.deltas);
        inference.finishReason = event.finishReason;
        await sendDelta({}, event.finishReason);
        if (options.includeUsage) await write(formatSseData(toChunk([], toCompletionUsage(event.usage))));
        inference.outcome = 'success';
        res.end(sseDone);
        break;
    }
  }
}

/** Waits where the client reads slower than the model writes; a client that left, or takes nothing, ends the wait. */
async function writeFrame(res: Response, frame: string, stallTimeoutMs: number): Promise<void> {
  if (res.write(frame) || res.destroyed) return;
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

function textOf(deltas: readonly OutputDelta[]): string {
  return deltas.map((delta) => (delta.type === 'text' ? delta.delta : '')).join('');
}

function toCompletionUsage(usage: TokenUsage): CompletionUsage {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}
