import type {
  ChatGenerateRequest,
  GenerateRequest,
  OutputConstraint,
  ToolDefinition,
} from '../../protocol/generateRequest.js';
import type { ChatPrompt } from '../chat/chatPrompt.js';
import { ChatTemplateError } from '../chat/chatTemplate.js';
import { withBeginToken, type LlamaEngine } from '../engine/engine.js';
import type { PreparedGeneration } from './generationTask.js';
import {
  createGrammarBuilder,
  GrammarTooLargeError,
  type GrammarBuilder,
} from '../grammar/grammarBuilder.js';
import { anyJsonObject, compileJsonSchema } from '../grammar/jsonSchema.js';
import type { OutputParser, ToolGrammar } from '../outputParser/outputFormat.js';
import { contextExceeded } from './longPrompt.js';
import { createOutputStream } from './outputStream.js';
import { RefusedError } from '../refusedError.js';
import { requireKnownTokens } from '../requireKnownTokens.js';
import { createStopMatcher } from './stopMatcher.js';
import { createTokenText } from './tokenText.js';
import { toToolGrammar } from './toolGrammar.js';

/**
 * Turns a request into tokens, a sampler with its grammar, and the way from tokens back to output.
 *
 * @throws RefusedError where that is not possible: prompt too long, template or schema refused.
 */
export function prepareGeneration(
  request: GenerateRequest,
  engine: LlamaEngine,
  prompt: ChatPrompt,
): PreparedGeneration {
  try {
    const input = request.kind === 'chat' ? readChat(request, prompt) : readText(request, engine);
    checkLength(input.tokens.length, request.resumeTokens.length, engine.contextTokens);
    requireOwnTokens(request, engine.vocabularySize);
    return {
      request,
      promptTokens: input.tokens,
      sampler: createSampler(request, engine, input.grammar),
      output: createOutputStream(
        createTokenText(engine, input.markers),
        input.parser,
        createStopMatcher(request.stop),
      ),
    };
  } catch (error) {
    if (error instanceof ChatTemplateError) throw new RefusedError('invalid_prompt', error.message);
    if (error instanceof GrammarTooLargeError) throw new RefusedError('unsupported_schema', error.message);
    throw error;
  }
}

interface GenerationInput {
  readonly tokens: readonly number[];
  readonly markers: readonly string[];
  readonly parser: OutputParser;
  /** GBNF */
  readonly grammar: string | undefined;
}

function readChat(request: ChatGenerateRequest, prompt: ChatPrompt): GenerationInput {
  const { tokens, opensInReasoning } = prompt.toPrompt(request);
  const { format } = prompt;
  const tools = offeredTools(request);
  return {
    tokens,
    markers: format.markers,
    parser: format.createParser({ parseToolCalls: tools.length > 0, opensInReasoning, tools }),
    grammar:
      tools.length === 0 && request.constraint.type === 'text'
        ? undefined
        : writeGrammar((builder) =>
            format.grammarRule(builder, {
              tools: grammarsOf(builder, tools),
              choice: request.toolChoice === 'auto' || tools.length === 0 ? 'auto' : 'required',
              parallel: request.parallelToolCalls && typeof request.toolChoice === 'string',
              content: constraintRule(builder, request.constraint),
              opensInReasoning,
              reasons: format.reasoning !== undefined,
            }),
          ),
  };
}

function readText(request: Extract<GenerateRequest, { kind: 'text' }>, engine: LlamaEngine): GenerationInput {
  const { prompt, constraint } = request;
  return {
    tokens:
      typeof prompt === 'string'
        ? withBeginToken(engine, engine.tokenize(prompt, { special: false }))
        : prompt.length === 0 && engine.bosToken
          ? [engine.bosToken.id]
          : prompt,
    markers: [],
    parser: { push: (text) => [{ type: 'text', delta: text }], end: () => [] },
    grammar:
      constraint.type === 'text'
        ? undefined
        : writeGrammar((builder) => constraintRule(builder, constraint) ?? anyJsonObject(builder)),
  };
}

function writeGrammar(writeRoot: (builder: GrammarBuilder) => string): string {
  const builder = createGrammarBuilder();
  return builder.toGbnf(writeRoot(builder));
}

function offeredTools({ tools, toolChoice }: ChatGenerateRequest): readonly ToolDefinition[] {
  if (toolChoice === 'none') return [];
  if (typeof toolChoice === 'string') {
    if (toolChoice === 'required' && tools.length === 0)
      throw new RefusedError('invalid_request', 'tool_choice is required, but there are no tools.');
    return tools;
  }
  const chosen = tools.filter(({ name }) => name === toolChoice.name);
  if (chosen.length === 0)
    throw new RefusedError(
      'invalid_request',
      `tool_choice names '${toolChoice.name}', which is not among the tools.`,
    );
  return chosen;
}

function grammarsOf(builder: GrammarBuilder, tools: readonly ToolDefinition[]): ToolGrammar[] {
  return tools.map((tool) => {
    const result = toToolGrammar(builder, tool);
    if (result.kind === 'tool') return result.grammar;
    throw new RefusedError('unsupported_schema', `${result.message}.`, false, { tool: tool.name });
  });
}

function constraintRule(builder: GrammarBuilder, constraint: OutputConstraint): string | undefined {
  if (constraint.type === 'text') return undefined;
  if (constraint.type === 'json_object') return anyJsonObject(builder);
  const compiled = compileJsonSchema(builder, constraint.schema, { strict: constraint.strict });
  if (compiled.kind === 'compiled') return compiled.rule;
  throw new RefusedError('unsupported_schema', `${compiled.message}.`);
}

function createSampler(
  { sampling, ignoreEos, topLogprobs }: GenerateRequest,
  engine: LlamaEngine,
  grammar: string | undefined,
) {
  try {
    return engine.createSampler({ sampling, ignoreEos, topLogprobs, grammar });
  } catch (error) {
    throw new RefusedError('unsupported_schema', `The schema's grammar is not accepted: ${String(error)}`);
  }
}

function checkLength(promptTokens: number, resumedTokens: number, contextTokens: number): void {
  if (promptTokens === 0) throw new RefusedError('invalid_prompt', 'The prompt is empty.');
  const available = contextTokens - 1;
  if (promptTokens <= available && promptTokens + resumedTokens <= contextTokens) return;
  throw contextExceeded(contextTokens, promptTokens);
}

function requireOwnTokens(request: GenerateRequest, vocabularySize: number): void {
  const ofPrompt = request.kind === 'text' && typeof request.prompt !== 'string' ? request.prompt : [];
  const biased = request.sampling.logitBias.map(({ token }) => token);
  requireKnownTokens([...ofPrompt, ...request.resumeTokens], vocabularySize, { code: 'invalid_prompt' });
  requireKnownTokens(biased, vocabularySize, { where: " of 'logit_bias'" });
}
