import { z } from 'zod';

/** What a request asks of a fake worker; it travels as the text of its only message. */
export const Asked = z.object({
  /** Stands in every token of the answer, so that answers that were mixed up show. */
  nonce: z.string(),
  tokens: z.int().min(1),
  paceMs: z.number().min(0),
  /** Before the first token, on every worker that begins with the request. */
  prefillMs: z.number().min(0).default(0),
});
export type Asked = z.infer<typeof Asked>;

export const chaosModel = 'chaos-model';

export function toToken({ nonce }: Asked, index: number): string {
  return ` ${nonce}:${index}`;
}

/** The one right answer. */
export function toAnswer(asked: Asked): string {
  return Array.from({ length: asked.tokens }, (_, index) => toToken(asked, index)).join('');
}
