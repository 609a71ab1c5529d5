import { tinyEmoji, wordsAfterEmoji, wordsBeforeEmoji } from './tinyWords.js';

/** GGUF's token types, as `tokenizer.ggml.token_type` numbers them (llama.cpp, `llama_token_type`). */
const tokenTypes = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

/** SentencePiece writes a space as this character. */
const space = '▁';

/** One token: `level` is its position in an answer, or `start` when an answer begins after it. */
export interface TinyToken {
  text: string;
  type: (typeof tokenTypes)[keyof typeof tokenTypes];
  score: number;
  level: number | 'start';
}

/** The tokens in the order of their ids, and how many levels an answer has. */
export interface TinyVocabulary {
  tokens: readonly TinyToken[];
  levelCount: number;
  idOf: (text: string) => number;
}

/**
 * Builds the tiny model's vocabulary for llama.cpp's SPM tokenizer: control tokens, the 256 bytes, printable ASCII,
 * the words, and every beginning of every word. SPM joins two neighbours only when the result is a token, so the
 * beginnings are what lets it arrive at a word: text that the model wrote is read back as the same tokens.
 */
export function createTinyVocabulary(): TinyVocabulary {
  const tokens: TinyToken[] = [{ text: '<unk>', type: tokenTypes.unknown, score: 0, level: 'start' }];
  for (const text of ['<s>', '</s>', '<|im_start|>', '<|im_end|>']) {
    tokens.push({ text, type: tokenTypes.control, score: 0, level: 'start' });
  }
  const emojiBytes = [...Buffer.from(tinyEmoji, 'utf8')];
  const emojiLevel = wordsBeforeEmoji.length;
  for (let byte = 0; byte < 256; byte++) {
    const position = emojiBytes.indexOf(byte);
    const level = position === -1 ? 'start' : emojiLevel + position;
    tokens.push({ text: byteToken(byte), type: tokenTypes.byte, score: 0, level });
  }

  const levels = [...wordsBeforeEmoji, ...emojiBytes.map(() => []), ...wordsAfterEmoji];
  const levelOf = new Map<string, number>();
  levels.forEach((words, level) => {
    for (const word of words) levelOf.set(level === 0 ? word : space + word, level);
  });
  const texts = new Set<string>([space]);
  for (let code = 0x21; code < 0x7f; code++) texts.add(String.fromCharCode(code));
  for (const word of levelOf.keys()) {
    for (let length = 2; length <= word.length; length++) texts.add(word.slice(0, length));
  }
  for (const text of texts) {
    // Beginnings of an answer are joined before a space is drawn to the word behind it: " This" stays " " + "This".
    const score = text.length > 1 && text.startsWith(space) ? -1 : 0;
    tokens.push({ text, type: tokenTypes.normal, score, level: levelOf.get(text) ?? 'start' });
  }

  const ids = new Map(tokens.map((token, id) => [token.text, id]));
  return {
    tokens,
    levelCount: levels.length,
    idOf: (text) => {
      const id = ids.get(text);
      if (id === undefined) throw new RangeError(`the tiny model has no token "${text}"`);
      return id;
    },
  };
}

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
