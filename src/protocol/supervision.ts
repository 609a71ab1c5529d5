import { z } from 'zod';

/** What a supervised process tells its supervisor over the channel between them. */
export const ChildMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), url: z.string() }),
  /** It could not start; the text is meant for the user. The process exits after it. */
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
export type ChildMessage = z.infer<typeof ChildMessage>;

/** What a supervisor tells the controller. */
export const SupervisorMessage = z.discriminatedUnion('type', [
  /** A worker was killed from outside (SIGKILL), and not by the system for lack of memory: no request is to blame. */
  z.object({ type: z.literal('workerKilled'), nodeId: z.string(), pid: z.int() }),
]);
export type SupervisorMessage = z.infer<typeof SupervisorMessage>;
