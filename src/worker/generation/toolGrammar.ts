import type { ToolDefinition } from '../../protocol/generateRequest.js';
import type { GrammarBuilder } from '../grammar/grammarBuilder.js';
import { anyJsonObject, compileJsonSchema, type CompiledSchema } from '../grammar/jsonSchema.js';
import { listRule } from '../grammar/listRule.js';
import type { ToolGrammar, ToolParameterGrammar } from '../outputParser/outputFormat.js';

export type ToolGrammarResult =
  | { readonly kind: 'tool'; readonly grammar: ToolGrammar }
  | { readonly kind: 'refused'; readonly path: string; readonly message: string };

/**
 * What the arguments of a tool have to be. Without `strict`, a schema that no grammar can follow is a hint to the model
 * alone: the arguments are some JSON object then.
 */
export function toToolGrammar(builder: GrammarBuilder, tool: ToolDefinition): ToolGrammarResult {
  const { name, parameters, strict } = tool;
  const loose: ToolGrammarResult = { kind: 'tool', grammar: { name, argumentsRule: anyJsonObject(builder) } };
  if (parameters === undefined) return loose;
  const compiled = compileJsonSchema(builder, parameters, { strict, object: true });
  if (compiled.kind === 'refused') return strict ? compiled : loose;
  let listed: ToolParameterGrammar[] | undefined;
  return {
    kind: 'tool',
    grammar: {
      name,
      argumentsRule: compiled.rule,
      // Compiled where a format asks for them; most write the arguments as one JSON object.
      get parameters() {
        return (listed ??= listParameters(builder, tool));
      },
    },
  };
}

/** Each property by itself, for formats that do not write the arguments as one JSON object. */
function listParameters(builder: GrammarBuilder, tool: ToolDefinition): ToolParameterGrammar[] | undefined {
  const schema = tool.parameters;
  if (typeof schema !== 'object' || typeof schema['properties'] !== 'object') return undefined;
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const properties = Object.entries(schema['properties'] ?? {}) as [string, unknown][];
  const listed = properties.map(([name, property]): ToolParameterGrammar | undefined => {
    const isString = isRecord(property) && property['type'] === 'string';
    const rule = isString ? bareTextRule(builder, property) : valueRule(builder, schema, property);
    if (rule?.kind === 'refused') return undefined;
    return { name, required: required.includes(name), isString, valueRule: rule?.rule };
  });
  return listed.every((parameter) => parameter !== undefined) ? listed : undefined;
}

/** A text without quotes is one of an enumeration or any; what else its schema says no bare text can be held to. */
function bareTextRule(
  builder: GrammarBuilder,
  { enum: values }: Readonly<Record<string, unknown>>,
): Extract<CompiledSchema, { kind: 'compiled' }> | undefined {
  const texts = Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
  if (texts.length === 0) return undefined;
  return { kind: 'compiled', rule: listRule(builder, 'choice', texts), loosened: [] };
}

function valueRule(
  builder: GrammarBuilder,
  { $defs, definitions }: Readonly<Record<string, unknown>>,
  property: unknown,
): CompiledSchema | undefined {
  if (!isRecord(property)) return undefined;
  const named = { ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}) };
  return compileJsonSchema(builder, { ...named, ...property }, { strict: false });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
