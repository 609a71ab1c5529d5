import type { Schema } from './typeSchemas.js';

const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });

/**
 * Where our answers say more than the official types, or other than them: by the name of the type, the properties
 * that are judged by these schemas instead. Whatever is not here has to be as OpenAI has it.
 */
export const allowances: Readonly<Record<string, Record<string, Schema>>> = {
  // Extension: what a reasoning model thought, as llama-server, DeepSeek and others send it (docs/api.md).
  ChatCompletionMessage: { reasoning_content: { type: 'string' } },
  'ChatCompletionChunk.Choice.Delta': { reasoning_content: { type: 'string' } },
  // Extension: what a model is for and how much it takes, as vLLM and llama.cpp say it.
  Model: { max_model_len: { type: 'integer' }, meta: { type: 'object' } },
  // The types of completions know the whole answer only; in a stream OpenAI sends null for what comes at its end.
  Completion: { usage: nullable({ type: 'object' }) },
  CompletionChoice: { finish_reason: nullable({ enum: ['stop', 'length', 'content_filter'] }) },
  // Nothing comes before the first token of an echoed prompt: OpenAI sends null for its probability.
  'CompletionChoice.Logprobs': {
    token_logprobs: { type: 'array', items: nullable({ type: 'number' }) },
    top_logprobs: {
      type: 'array',
      items: nullable({ type: 'object', additionalProperties: { type: 'number' } }),
    },
  },
};

/** Properties that the types have and no server sends: the client makes them of the others. */
export const computedByTheClient: Readonly<Record<string, readonly string[]>> = {
  Response: ['output_text'],
};
