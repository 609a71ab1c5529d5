import { z } from 'zod';

/** What a request of the benchmark asks of the upstream; it travels as the text of its only message. */
export const PacedAnswer = z.object({
  tokens: z.int().min(1),
  /** Between two tokens; the first comes at once. */
  paceMs: z.number().min(0),
});
export type PacedAnswer = z.infer<typeof PacedAnswer>;

export const benchModel = 'bench-model';
/** More than are ever used: the queue is not measured here. */
export const upstreamSlots = 8192;

/** A streamed chat completion that asks for `answer`. */
export function toChatBody(answer: PacedAnswer, stream = true): string {
  return JSON.stringify({
    model: benchModel,
    stream,
    messages: [{ role: 'user', content: JSON.stringify(answer) }],
  });
}
