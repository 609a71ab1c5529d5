import { z } from 'zod';
import { ChatGenerateRequest } from './generateRequest.js';

/** How long a worker's prompt for a chat is, without generating anything. */
export const CountRequest = ChatGenerateRequest.pick({
  model: true,
  messages: true,
  tools: true,
  toolChoice: true,
  templateOptions: true,
});
export type CountRequest = z.infer<typeof CountRequest>;

export const CountResponse = z.object({ promptTokens: z.int().min(0) });
export type CountResponse = z.infer<typeof CountResponse>;
