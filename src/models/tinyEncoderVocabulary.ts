import { wordsAfterEmoji, wordsBeforeEmoji } from './tinyWords.js';

/** GGUF's token types, as `tokenizer.ggml.token_type` numbers them (llama.cpp, `llama_token_type`). */
const tokenTypes = { normal: 1, control: 3 } as const;

/** llama.cpp writes a token that begins a word with this character, and one that continues it without. */
const wordStart = '▁';

/** BERT's special tokens; the ids are their places here. */
export const encoderTokens = { pad: 0, unknown: 1, classify: 2, separate: 3, mask: 4 } as const;

export interface TinyEncoderToken {
  readonly text: string;
  readonly type: (typeof tokenTypes)[keyof typeof tokenTypes];
}

/**
 * The tokens of the tiny encoders in the order of their ids, for llama.cpp's WPM tokenizer: BERT's special ones,
 * printable ASCII at the beginning and within words, and the tiny model's words. The tokenizer writes everything in
 * lower case; a word with a character that is not here becomes `[UNK]`.
 */
export function createTinyEncoderVocabulary(): readonly TinyEncoderToken[] {
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  const texts = new Set<string>();
  for (let code = 0x21; code < 0x7f; code++) {
    const character = String.fromCharCode(code).toLowerCase();
    texts.add(wordStart + character).add(character);
  }
  for (const word of [...wordsBeforeEmoji, ...wordsAfterEmoji].flat())
    texts.add(wordStart + word.toLowerCase().replace('.', ''));
  return [
    ...special.map((text) => ({ text, type: tokenTypes.control })),
    ...[...texts].map((text) => ({ text, type: tokenTypes.normal })),
  ];
}
