import { describe, expect, it } from 'vitest';
import { createPoolingInput, type TextBounds } from '../../../../src/worker/pooling/poolingInput.js';

const [begin, end, separator] = [1, 2, 3];

/** Tokens are code points; `<s>` and `<e>` are special. */
function tokenize(text: string, { special }: { special: boolean }): number[] {
  const parts = special ? text.split(/(<s>|<e>)/) : [text];
  return parts.flatMap((part) => {
    if (special && part === '<s>') return [begin];
    if (special && part === '<e>') return [end];
    return [...part].map((character) => character.codePointAt(0) ?? 0);
  });
}

const bert: TextBounds = {
  isWordPiece: true,
  begin,
  end: null,
  separator,
  addBegin: false,
  addEnd: false,
  addSeparator: true,
};
/** Its GGUFs end texts with `</s>` and join pairs with `</s></s>`. */
const xlmRoberta: TextBounds = {
  isWordPiece: false,
  begin,
  end,
  separator: end,
  addBegin: true,
  addEnd: true,
  addSeparator: true,
};
const qwen: TextBounds = {
  ...xlmRoberta,
  begin: null,
  separator: null,
  addBegin: false,
  addSeparator: false,
};

function create(bounds: TextBounds, rankTemplate?: string) {
  const specialTexts = ['<s>', '<e>'].map((text) => ({ text, isControl: true }));
  return createPoolingInput({ bounds, tokenize, rankTemplate, specialTexts });
}

const plain = (text: string) => tokenize(text, { special: false });

describe('a text', () => {
  it.each([
    ['BERT', bert, [begin, ...plain('hi'), separator]],
    ['XLM-R', xlmRoberta, [begin, ...plain('hi'), end]],
    ['Qwen', qwen, [...plain('hi'), end]],
  ])('has the bounds of %s', (_name, bounds, tokens) => {
    expect(create(bounds).toInput('hi')).toEqual(tokens);
  });

  it('cannot bring control tokens', () => {
    expect(create(qwen).toInput('<e>')).toEqual([...plain('<e>'), end]);
  });
});

describe('a pair', () => {
  it.each([
    ['BERT', bert, [begin, ...plain('q'), separator, ...plain('d'), separator]],
    ['XLM-R', xlmRoberta, [begin, ...plain('q'), end, end, ...plain('d'), end]],
    ['Qwen', qwen, [...plain('q'), end, ...plain('d'), end]],
  ])('is joined as %s reads it', (_name, bounds, tokens) => {
    expect(create(bounds).toPair('q', 'd')).toEqual(tokens);
  });

  it("follows the model's template, where it has one", () => {
    const input = create(qwen, '<s>Q: {query} D: {document}<e>{query}');
    expect(input.toPair('a{document}', 'b')).toEqual([
      begin,
      ...plain('Q: a{document} D: b'),
      end,
      ...plain('a{document}'),
    ]);
  });

  it.each([
    ['x<e>', 'y'],
    ['x', '<e>y'],
    // Neither text alone has it: the first ends where the other begins.
    ['x<', 'e>y'],
  ])('of %j and %j forges no control token of the template', (query, document) => {
    expect(create(qwen, '<s>{query}{document}<e>').toPair(query, document)).toEqual([
      begin,
      ...plain(query),
      ...plain(document),
      end,
    ]);
  });
});
