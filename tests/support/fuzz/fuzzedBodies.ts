import fc, { type Arbitrary } from 'fast-check';
import { type z } from 'zod';
import { CountTokensRequest, MessagesRequest } from '../../../src/protocol/anthropic/messages.js';
import { BatchRequest } from '../../../src/protocol/openai/batches.js';
import { ChatCompletionRequest } from '../../../src/protocol/openai/chatCompletions.js';
import { CompletionRequest } from '../../../src/protocol/openai/completions.js';
import { EmbeddingsRequest } from '../../../src/protocol/openai/embeddings.js';
import { RerankRequest, TextsRerankRequest } from '../../../src/protocol/openai/rerank.js';
import { ResponseRequest } from '../../../src/protocol/openai/responses/request.js';
import {
  DetokenizeBody,
  TokenizeContentRequest,
  TokenizeMessagesRequest,
  TokenizePromptRequest,
} from '../../../src/protocol/openai/tokenization.js';
import { scriptedModel } from '../liveCluster.js';
import { toArbitrary } from './zodArbitrary.js';

export type Body = Record<string, unknown>;

/** What can be asked with a JSON body, and how most bodies differ from what the schema allows, so that many are answered. */
interface Endpoint {
  readonly path: string;
  readonly schema: z.ZodType;
  readonly models?: Arbitrary<string>;
  /** What contradicts other parameters, or asks for what is refused: taken out of most bodies. */
  readonly without?: readonly string[];
  readonly usual?: Readonly<Record<string, Arbitrary<unknown>>>;
}

const mostly = (...models: readonly string[]): Arbitrary<string> =>
  fc.oneof(
    { weight: 7, arbitrary: fc.constantFrom(...models) },
    { weight: 1, arbitrary: fc.constantFrom('tiny', 'tiny-embedding', 'tiny-rerank', 'nope', 'constructor') },
  );
const generating = mostly(scriptedModel, scriptedModel, scriptedModel, 'tiny');
const tokenizing = fc.constantFrom('tiny', 'tiny-embedding', 'tiny-rerank', 'nope');

const text = fc.string({ unit: 'binary', minLength: 1 });
const texts = fc.array(text, { minLength: 1, maxLength: 3 });
const messagesOf = (...roles: readonly string[]) =>
  fc.array(fc.record({ role: fc.constantFrom(...roles), content: text }), { minLength: 1, maxLength: 3 });
const few = fc.integer({ min: 1, max: 3 });
const sampling = ['stream_options', 'top_logprobs', 'tool_choice', 'tools'];

/** What is fuzzed: a further endpoint is a further entry. */
const endpoints: readonly Endpoint[] = [
  {
    path: '/v1/chat/completions',
    schema: ChatCompletionRequest,
    models: generating,
    without: sampling,
    usual: { messages: messagesOf('system', 'user'), n: few },
  },
  {
    path: '/v1/completions',
    schema: CompletionRequest,
    models: generating,
    without: ['suffix', 'best_of', ...sampling],
    usual: { n: few },
  },
  ...['/v1/responses', '/v1/responses/input_tokens'].map((path) => ({
    path,
    schema: ResponseRequest,
    models: generating,
    without: ['text', 'n', ...sampling],
    usual: {
      input: fc.oneof(text, messagesOf('developer', 'user')),
      previous_response_id: fc.constantFrom(null, null, '$response$'),
    },
  })),
  {
    path: '/v1/messages',
    schema: MessagesRequest,
    models: generating,
    without: ['tool_choice', 'tools', 'output_config', 'output_format'],
    usual: { messages: messagesOf('user') },
  },
  {
    path: '/v1/messages/count_tokens',
    schema: CountTokensRequest,
    models: generating,
    without: ['tool_choice', 'tools'],
    usual: { messages: messagesOf('user') },
  },
  {
    path: '/v1/embeddings',
    schema: EmbeddingsRequest,
    models: mostly('tiny-embedding'),
    usual: { input: fc.oneof(text, texts), dimensions: fc.constantFrom(1, 4, null) },
  },
  {
    path: '/v1/rerank',
    schema: RerankRequest,
    models: mostly('tiny-rerank'),
    usual: { query: text, documents: texts },
  },
  {
    path: '/rerank',
    schema: TextsRerankRequest,
    models: mostly('tiny-rerank'),
    usual: { query: text, texts },
  },
  { path: '/tokenize', schema: TokenizeContentRequest, models: tokenizing },
  { path: '/tokenize', schema: TokenizePromptRequest, models: tokenizing },
  {
    path: '/tokenize',
    schema: TokenizeMessagesRequest,
    models: tokenizing,
    without: ['tools'],
    usual: { messages: messagesOf('system', 'user') },
  },
  {
    path: '/detokenize',
    schema: DetokenizeBody,
    models: tokenizing,
    usual: { tokens: fc.array(fc.nat(200), { maxLength: 5 }) },
  },
  {
    path: '/v1/batches',
    schema: BatchRequest,
    usual: {
      input_file_id: fc.constantFrom('$input$', '$file$'),
      endpoint: fc.constantFrom('/v1/chat/completions', '/v1/completions'),
    },
  },
];

/** The paths whose bodies are JSON. */
export const jsonPaths = [...new Set(endpoints.map(({ path }) => path))];

function toBody({ schema, models, without = [], usual = {} }: Endpoint): Arbitrary<Body> {
  const changes = fc.record({ ...usual, ...(models ? { model: models } : {}) });
  return fc.tuple(toArbitrary(schema) as Arbitrary<Body>, changes, fc.nat(3)).map(([body, changed, luck]) => {
    if (luck === 0) return { ...body, ...(models ? { model: changed['model'] } : {}) };
    const kept = Object.entries(changed).filter(([name]) => name === 'model' || body[name] != null);
    const made: Body = { ...body, ...Object.fromEntries(kept) };
    for (const name of without) delete made[name];
    return made;
  });
}

/** A body that fits the schema of its path. */
export const anyBody: Arbitrary<{ readonly path: string; readonly body: Body }> = fc
  .constantFrom(...endpoints.map((endpoint) => ({ path: endpoint.path, made: toBody(endpoint) })))
  .chain(({ path, made }) => made.map((body) => ({ path, body: keepShort(path, body) })));

/** What limits the tokens of an answer. */
const limits: Readonly<Record<string, string>> = {
  '/v1/chat/completions': 'max_completion_tokens',
  '/v1/completions': 'max_tokens',
  '/v1/messages': 'max_tokens',
  '/v1/responses': 'max_output_tokens',
};

/** A real model takes its time for every token. */
export function keepShort(path: string, body: Body): Body {
  const limit = limits[path];
  if (body['model'] !== 'tiny' || limit === undefined) return body;
  const { n } = body;
  return { ...body, [limit]: 8, ...(typeof n === 'number' ? { n: Math.min(n, 2) } : {}) };
}
