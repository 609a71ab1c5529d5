import { expect } from 'vitest';
import { messageCases, templateCases, toolCases } from './chatCases.js';
import {
  answers,
  ignored,
  reaches,
  refused,
  type ParameterCase,
  type ParameterCases,
} from './parameterCase.js';

const unsupported = (name: string, asking: unknown, ...neutral: unknown[]) => ({
  [name]: refused({ [name]: asking }, { neutral: neutral.map((value) => ({ [name]: value })) }),
});

export const embeddingCases: ParameterCases = {
  model: reaches({ model: 'other-embedder' }, { model: 'other-embedder' }),
  input: reaches({ input: ['Ho', 'Hu'] }, { inputs: ['Ho', 'Hu'] }),
  encoding_format: answers(
    { encoding_format: 'base64' },
    { data: [{ embedding: expect.any(String) as string }] },
  ),
  dimensions: reaches({ dimensions: 8 }, { dimensions: 8 }),
  user: ignored({ user: 'u' }),
  ...unsupported('truncate_prompt_tokens', 5),
};

/** Of the base the second document is the better one. */
const inTexts = { documents: undefined, texts: ['a', 'b'] };
export const rerankCases: ParameterCases = {
  model: reaches({ model: 'other-ranker' }, { model: 'other-ranker' }),
  query: reaches({ query: 'r' }, { query: 'r' }),
  documents: reaches({ documents: ['c'] }, { documents: ['c'] }),
  'documents[].text': reaches({ documents: [{ text: 'c' }] }, { documents: ['c'] }),
  top_n: answers({ top_n: 1 }, { results: [{ index: 1 }] }),
  return_documents: answers(
    { return_documents: true },
    { results: [{ document: { text: 'b' } }, { document: { text: 'a' } }] },
  ),
  texts: answers({ ...inTexts }, [{ index: 1 }, { index: 0 }]),
  return_text: answers({ return_text: true }, [{ text: 'b' }, { text: 'a' }], inTexts),
  ...unsupported('max_chunks_per_doc', 1),
  ...unsupported('max_tokens_per_doc', 1),
  ...unsupported('truncate_prompt_tokens', 1),
  ...unsupported('raw_scores', true, false),
  ...unsupported('rank_fields', ['title'], ['text']),
};

const inPrompt = { content: undefined, prompt: 'Hi' };
const inMessages = { content: undefined, messages: [{ role: 'user', content: 'Hi' }] };

/** As in a chat completion, beside messages and in a chat. */
function inChat(shown: ParameterCase): ParameterCase {
  if ('shownBy' in shown) return shown;
  const beside = { ...inMessages, ...shown.beside };
  return 'worker' in shown ? { ...shown, beside, worker: { chat: shown.worker } } : { ...shown, beside };
}

const chatCases = Object.entries({ ...messageCases, ...toolCases, ...templateCases }).map(
  ([path, shown]) => [path, inChat(shown)] as const,
);
const unsupportedInChat = Object.entries({
  ...unsupported('add_generation_prompt', false, true),
  ...unsupported('continue_final_message', true, false),
  ...unsupported('chat_template', '{{ messages }}'),
}).map(([path, shown]) => [path, inChat(shown)] as const);

export const tokenizeCases: ParameterCases = {
  model: reaches({ model: 'other-model' }, { model: 'other-model' }),
  content: reaches({ content: 'Ho' }, { text: 'Ho' }),
  add_special: reaches({ add_special: true }, { withBounds: true }),
  parse_special: reaches({ parse_special: false }, { special: false }),
  with_pieces: answers({ with_pieces: true }, { tokens: [{ id: 1, piece: 'a' }] }),
  prompt: reaches({ content: undefined, prompt: 'Ho' }, { text: 'Ho', withBounds: true }),
  add_special_tokens: reaches({ add_special_tokens: false }, { withBounds: false }, inPrompt),
  return_token_strs: answers({ return_token_strs: true }, { token_strs: ['a'] }, inPrompt),
  ...Object.fromEntries([...chatCases, ...unsupportedInChat]),
};

export const detokenizeCases: ParameterCases = {
  model: reaches({ model: 'other-model' }, { model: 'other-model' }),
  tokens: reaches({ tokens: [3] }, { tokens: [3] }),
};
