import { createControlTexts, type SpecialText } from '../chat/controlTexts.js';

/** What a tokenizer puts around texts; null: the model has no such token. */
export interface TextBounds {
  /** BERT's vocabularies always bound texts with `begin` and `separator`. */
  readonly isWordPiece: boolean;
  readonly begin: number | null;
  readonly end: number | null;
  readonly separator: number | null;
  readonly addBegin: boolean;
  readonly addEnd: boolean;
  readonly addSeparator: boolean;
}

export interface PoolingInputOptions {
  readonly bounds: TextBounds;
  readonly tokenize: (text: string, options: { special: boolean }) => number[];
  /** `tokenizer.chat_template.rerank`: a text with `{query}` and `{document}` in it. */
  readonly rankTemplate: string | undefined;
  readonly specialTexts: readonly SpecialText[];
}

export interface PoolingInput {
  toInput(text: string): number[];
  /** Puts the begin and end tokens around those of a text. */
  bound(tokens: readonly number[]): number[];
  toPair(query: string, document: string): number[];
}

/**
 * Tokens of whole texts: as llama.cpp's tokenizer bounds them (`llama_vocab::impl::tokenize` with `add_special`) and
 * as its server joins pairs (`format_prompt_rerank`), except that special texts count in templates alone.
 */
export function createPoolingInput(options: PoolingInputOptions): PoolingInput {
  const { bounds, tokenize, rankTemplate } = options;
  const plain = (text: string) => tokenize(text, { special: false });
  const given = (token: number | null, isWanted = true) => (token !== null && isWanted ? [token] : []);
  const begin = given(bounds.begin, bounds.isWordPiece || bounds.addBegin);
  const end = bounds.isWordPiece ? given(bounds.separator) : given(bounds.end, bounds.addEnd);
  const between = bounds.isWordPiece
    ? end
    : [
        ...given(bounds.end ?? bounds.separator, bounds.addEnd),
        ...given(bounds.separator, bounds.addSeparator),
      ];

  const bound = (tokens: readonly number[]) => [...begin, ...tokens, ...end];

  return {
    toInput: (text) => bound(plain(text)),
    bound,
    toPair:
      rankTemplate === undefined
        ? (query, document) => [...begin, ...plain(query), ...between, ...plain(document), ...end]
        : createTemplate(rankTemplate, options),
  };
}

function createTemplate(
  template: string,
  { tokenize, specialTexts }: PoolingInputOptions,
): PoolingInput['toPair'] {
  const parts = template.split(/(\{query\}|\{document\})/);
  const controls = createControlTexts(specialTexts, template, []);
  const written = controls.sequenceIn(template).length;
  return (query, document) => {
    const texts = parts.map((part) =>
      part === '{query}' ? query : part === '{document}' ? document : undefined,
    );
    const whole = parts.map((part, index) => texts[index] ?? part).join('');
    // As a whole it is tokenized as the model saw it; in parts where a client's text would forge a control token.
    if (controls.sequenceIn(whole).length === written) return tokenize(whole, { special: true });
    return parts.flatMap((part, index) => {
      const text = texts[index];
      return text === undefined ? tokenize(part, { special: true }) : tokenize(text, { special: false });
    });
  };
}
