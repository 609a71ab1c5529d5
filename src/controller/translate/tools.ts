import { ApiError } from '../../protocol/apiError.js';
import type { JsonSchema, ToolChoice, ToolDefinition } from '../../protocol/generateRequest.js';

/** A tool as every API has it, once its own wrapping is off. */
export interface ClientTool {
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly parameters?: JsonSchema | null | undefined;
  readonly strict?: boolean | null | undefined;
}

/** How a client restricts the use of its tools, whatever its API calls that. */
export type ClientToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { readonly name: string }
  | { readonly mode: 'auto' | 'required'; readonly allowed: readonly string[] };

/**
 * Tools and their choice in the words of the worker's protocol.
 *
 * @throws ApiError (400) for two tools of one name, and for a choice of a tool that is not there.
 */
export function toToolUse(
  tools: readonly ClientTool[],
  choice: ClientToolChoice | null | undefined,
): { tools: ToolDefinition[]; toolChoice: ToolChoice } {
  const definitions = tools.map(toDefinition);
  const names = new Set<string>();
  for (const [index, { name }] of definitions.entries()) {
    if (names.has(name))
      throw refuse(`tools[${index}]`, `Invalid value for 'tools': the name '${name}' is taken twice.`);
    names.add(name);
  }
  if (definitions.length === 0) {
    // Without tools there is nothing to choose: these two ask for nothing.
    if (choice == null || choice === 'none' || choice === 'auto') return { tools: [], toolChoice: 'none' };
    throw refuse('tool_choice', "Invalid value for 'tool_choice': it is only allowed when tools are given.");
  }
  if (choice == null || typeof choice === 'string')
    return { tools: definitions, toolChoice: choice ?? 'auto' };
  const named = 'name' in choice ? [choice.name] : choice.allowed;
  for (const name of named) {
    if (!names.has(name))
      throw refuse('tool_choice', `Invalid value for 'tool_choice': there is no tool '${name}'.`);
  }
  if ('name' in choice) return { tools: definitions, toolChoice: { name: choice.name } };
  const allowed = definitions.filter(({ name }) => choice.allowed.includes(name));
  if (allowed.length === 0)
    throw refuse('tool_choice', "Invalid value for 'tool_choice': no tool is allowed.");
  return { tools: allowed, toolChoice: choice.mode };
}

/** Where a tool stands: `tools[2]`. */
export function toolAt<T>(tools: readonly T[] | null | undefined, isIt: (tool: T) => boolean): string {
  return `tools[${tools?.findIndex(isIt)}]`;
}

function toDefinition({ name, description, parameters, strict }: ClientTool): ToolDefinition {
  return {
    name,
    ...(description == null ? {} : { description }),
    ...(parameters == null ? {} : { parameters }),
    strict: strict === true,
  };
}

function refuse(param: string, message: string): ApiError {
  return new ApiError('invalid_value', { message, param });
}
