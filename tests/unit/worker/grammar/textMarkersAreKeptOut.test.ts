import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  createGrammarBuilder,
  GrammarTooLargeError,
  literal,
  textUntil,
  textWithout,
} from '../../../../src/worker/grammar/grammarBuilder.js';
import { defaultGrammarLimits } from '../../../../src/worker/grammar/grammarLimits.js';
import { loadLlamaGrammar, type LlamaGrammarCheck } from '../../../support/llamaGrammar.js';

let llama: LlamaGrammarCheck;
beforeAll(async () => {
  llama = await loadLlamaGrammar();
});

describe('the builder', () => {
  it('shares identical bodies and keeps names apart', () => {
    const builder = createGrammarBuilder();
    expect(builder.rule('a b', '"x"')).toBe('a-b');
    expect(builder.rule('other', '"x"')).toBe('a-b');
    expect(builder.rule('a b', '"y"')).toBe('a-b-2');
    expect(builder.rule('root', '"z"')).not.toBe('root');
    expect(builder.rule('größe?', '"w"')).toMatch(/^[A-Za-z0-9-]+$/);
  });

  it('gives a name before its body', () => {
    const builder = createGrammarBuilder();
    const list = builder.reserve('list');
    list.define(`"x" ${list.name} | "."`);
    expect(llama.accepts(builder.toGbnf(list.name), 'xxx.')).toBe(true);
  });

  it('throws when the grammar has become too large', () => {
    const builder = createGrammarBuilder({ ...defaultGrammarLimits, rules: 10 });
    expect(() => builder.rule('many', '[a]{0,20}')).toThrow(GrammarTooLargeError);
    expect(() =>
      createGrammarBuilder({ ...defaultGrammarLimits, characters: 20 }).rule('long', '"0123456789"'),
    ).toThrow(GrammarTooLargeError);
  });

  it('quotes any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.string({ unit: 'binary', maxLength: 3 }),
        (text, other) => {
          fc.pre(!text.includes('\0') && !other.includes('\0'));
          const gbnf = `root ::= ${literal(text)}\n`;
          expect(llama.accepts(gbnf, text)).toBe(true);
          expect(llama.accepts(gbnf, text + other)).toBe(other === '');
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('text and markers', () => {
  const alphabet = fc.string({ unit: fc.constantFrom('a', 'b', '<', '🙂'), maxLength: 8 });
  const markers = fc.array(
    fc.string({ unit: fc.constantFrom('a', 'b', '<', '🙂'), minLength: 1, maxLength: 4 }),
    {
      minLength: 1,
      maxLength: 3,
    },
  );

  it('textWithout is every text in which no marker occurs', () => {
    fc.assert(
      fc.property(markers, alphabet, (wanted, text) => {
        const builder = createGrammarBuilder();
        const gbnf = builder.toGbnf(textWithout(builder, wanted));
        expect(llama.accepts(gbnf, text)).toBe(!wanted.some((marker) => text.includes(marker)));
      }),
      { numRuns: 300 },
    );
  });

  it('textUntil continues after the marker that ends first', () => {
    fc.assert(
      fc.property(markers, alphabet, (wanted, text) => {
        const builder = createGrammarBuilder();
        const rule = textUntil(builder, wanted, (marker) => `${literal(`[${marker}]`)} | "!"`);
        const gbnf = builder.toGbnf(rule);
        const ends = wanted
          .filter((marker) => text.includes(marker))
          .map((marker) => ({ marker, end: text.indexOf(marker) + marker.length }));
        expect(llama.accepts(gbnf, text)).toBe(ends.length === 0);
        const first = Math.min(...ends.map(({ end }) => end));
        if (ends.length === 0 || first < text.length) return;
        const longest = ends.reduce((best, { marker }) => (marker.length > best.length ? marker : best), '');
        expect(llama.accepts(gbnf, `${text}!`)).toBe(true);
        expect(llama.accepts(gbnf, `${text}[${longest}]`)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('a tool call after free text', () => {
    const builder = createGrammarBuilder();
    const gbnf = builder.toGbnf(textUntil(builder, ['<tool_call>'], () => literal('{}</tool_call>')));
    for (const text of [
      '',
      'plain',
      'a < b',
      'unfinished <tool_',
      'So: <tool_call>{}</tool_call>',
      '<<tool_call>{}</tool_call>',
    ]) {
      expect({ text, accepted: llama.accepts(gbnf, text) }).toEqual({ text, accepted: true });
    }
    for (const text of ['<tool_call>', '<tool_call>{', '<tool_call>{}</tool_call>more']) {
      expect({ text, accepted: llama.accepts(gbnf, text) }).toEqual({ text, accepted: false });
    }
  });

  it('without markers any text goes', () => {
    const builder = createGrammarBuilder();
    expect(llama.accepts(builder.toGbnf(textWithout(builder, [])), 'anything\n🙂')).toBe(true);
  });
});
