import { z } from 'zod';
import {
  isEmpty,
  never,
  refuseParameters,
  unsupportedInTools,
  type NeutralValues,
} from '../openai/unsupportedParameters.js';
import type { CountTokensRequest } from './messages.js';

/** Which thoughts the model sees again is for its template to say; nothing else of a prompt is ever taken out. */
const EditsOfThoughts = z.looseObject({
  edits: z.array(z.looseObject({ type: z.string().startsWith('clear_thinking_') })).nullish(),
});

/** What would change the answer, and is not here. */
export const unsupportedInMessages: NeutralValues = {
  container: never,
  mcp_servers: isEmpty,
  thread: never,
  compaction: never,
  context_management: (value) => EditsOfThoughts.safeParse(value).success,
};

export const unsupportedInOutputConfig: NeutralValues = { task_budget: never };

/** Of one message: it would hold for this turn only. */
export const unsupportedInTurns: NeutralValues = { output_config: never };

/** @throws ApiError (400) for the first parameter that asks for something not supported. */
export function refuseMessageParameters(body: CountTokensRequest): void {
  refuseParameters(body, unsupportedInMessages);
  refuseParameters(body.output_config ?? {}, unsupportedInOutputConfig, 'output_config.');
  for (const [index, turn] of body.messages.entries())
    refuseParameters(turn, unsupportedInTurns, `messages[${index}].`);
  for (const [index, tool] of (body.tools ?? []).entries())
    refuseParameters(tool, unsupportedInTools, `tools[${index}].`);
}
