import { z } from 'zod';

/** What a supervised process tells its supervisor over the channel between them. */
export const ChildMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), url: z.string() }),
  /** It could not start; the text is meant for the user. The process exits after it. */
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
export type ChildMessage = z.infer<typeof ChildMessage>;
