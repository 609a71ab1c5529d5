import type { Allowances } from './typeJudge.js';
import type { Schema } from './typeSchemas.js';

const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
const arrayOf = (items: Schema): Schema => ({ type: 'array', items });

const bytes = arrayOf({ type: 'integer' });

/**
 * Where our answers say more than the official types, or other than them: by the name of the type, the properties
 * that are judged by these schemas instead. Whatever is not here has to be as OpenAI has it.
 */
export const allowances: Allowances = {
  // Extension: what a reasoning model thought, as llama-server, DeepSeek and others send it (docs/api.md).
  ChatCompletionMessage: { reasoning_content: { type: 'string' } },
  'ChatCompletionChunk.Choice.Delta': { reasoning_content: { type: 'string' } },
  // Extension: what a model is for and how much it takes, as vLLM and llama.cpp say it.
  Model: { max_model_len: { type: 'integer' }, meta: { type: 'object' } },
  // The types of completions know the whole answer only; in a stream OpenAI sends null for what comes at its end.
  Completion: { usage: nullable },
  CompletionChoice: { finish_reason: nullable },
  // Nothing comes before the first token of an echoed prompt: OpenAI sends null for its probability.
  'CompletionChoice.Logprobs': {
    token_logprobs: arrayOf(nullable({ type: 'number' })),
    top_logprobs: arrayOf(nullable({ type: 'object', additionalProperties: { type: 'number' } })),
  },
  // For who asks for base64 it is text; the client decodes it, so that its types know numbers only.
  Embedding: { embedding: (numbers) => ({ anyOf: [numbers, { type: 'string' }] }) },
  Response: {
    // The Open Responses schema requires them as well (https://www.openresponses.org).
    max_tool_calls: nullable({ type: 'integer' }),
    store: { type: 'boolean' },
    presence_penalty: { type: 'number' },
    frequency_penalty: { type: 'number' },
    // Null in OpenAI's own answers: of a response that has not ended, and where the client named no user.
    usage: nullable,
    user: nullable,
  },
  // The Open Responses schema requires the bytes in events, too; the official types have them in the parts only.
  'ResponseTextDeltaEvent.Logprob': { bytes },
  'ResponseTextDeltaEvent.Logprob.TopLogprob': { bytes },
  'ResponseTextDoneEvent.Logprob': { bytes },
  'ResponseTextDoneEvent.Logprob.TopLogprob': { bytes },
  // An empty page has neither.
  ResponseItemList: { first_id: nullable, last_id: nullable },
  // OpenAI sends null where a file does not expire, and for what a batch does not have (yet).
  FileObject: { expires_at: nullable },
  Batch: {
    cancelled_at: nullable,
    cancelling_at: nullable,
    completed_at: nullable,
    error_file_id: nullable,
    errors: nullable,
    expired_at: nullable,
    failed_at: nullable,
    finalizing_at: nullable,
    in_progress_at: nullable,
    output_file_id: nullable,
  },
  BatchError: { code: nullable },
};

/** Properties that the types have and no server sends: the client makes them of the others. */
export const computedByTheClient: Readonly<Record<string, readonly string[]>> = {
  Response: ['output_text'],
};
