import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptsText, AutomatonTooLargeError } from '../../../../src/worker/grammar/automaton.js';
import { regexAutomaton } from '../../../../src/worker/grammar/regexAutomaton.js';
import { RegexRefusedError } from '../../../../src/worker/grammar/regexSyntax.js';
import { unlimitedTime } from '../../../../src/worker/grammar/timeBudget.js';

const patterns = [
  'abc',
  '^abc$',
  '^a|b$',
  'a.c',
  '^[^abc]+$',
  '^[a-c-]+$',
  '^[\\]\\\\^-]+$',
  '^\\d{2,3}$',
  '\\w+\\s\\w+',
  '^\\W\\S\\D$',
  '^(?:ab|a)*b?$',
  '^(a(b(c)?)?)?$',
  '^(?<year>\\d{4})$',
  'a{2}',
  'a{2,}',
  '^a{0}$',
  '^a*?b+?c??$',
  '\\bcat\\b',
  '\\Bat',
  '^\\b$',
  '^$',
  '',
  '$^',
  'a^',
  '^\\u0041\\x42\\u{1F642}$',
  '^\\uD83D\\uDE42$',
  '^[\\u{1F600}-\\u{1F64F}]$',
  '\\n\\t\\r',
  '^.$',
  '[^]',
  '^[\\s\\S]{2}$',
  '\\.\\*\\+\\?',
  '^\\cA$',
  '[\\b]',
  '^(|a)+$',
  '(a*)*b',
  '^(a|ab)(c|bcd)$',
  '\\/',
  '\\-',
];
const texts = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', 'b', 'c', 'A', 'B', '0', '9', ' ', '\n', '-', '.', ']', '\\', '🙂', '_', 't'),
    maxLength: 6,
  }),
  fc.constantFrom(
    'cat',
    'a cat!',
    'at',
    'tat',
    '\u0001',
    '\b',
    '2024',
    'AB🙂',
    '\n\t\r',
    '.*+?',
    '/',
    '^',
    '\u2028',
    'é',
  ),
);

describe('a pattern matches the texts that it matches in JavaScript', () => {
  it.each(patterns)('%s', (pattern) => {
    const automaton = regexAutomaton(pattern, unlimitedTime);
    const expected = regExp(pattern);
    fc.assert(
      fc.property(texts, (text) => {
        expect({ text, matches: acceptsText(automaton, text) }).toEqual({
          text,
          matches: expected.test(text),
        });
      }),
      { numRuns: 150 },
    );
  });

  function regExp(pattern: string): RegExp {
    try {
      return new RegExp(pattern, 'u');
    } catch {
      return new RegExp(pattern);
    }
  }
});

describe('what is not regular, not valid or explodes is refused', () => {
  it.each([
    ['lookahead', '(?=a)'],
    ['negative lookahead', '(?!a)b'],
    ['lookbehind', '(?<=a)b'],
    ['negative lookbehind', '(?<!a)b'],
    ['a backreference', '(a)\\1'],
    ['a named backreference', '(?<n>a)\\k<n>'],
    ['a unicode property', '\\p{L}'],
    ['a class without end', '['],
    ['a repetition of a repetition', 'a{1000}{1000}'],
    ['a group without end', '('],
    ['300 groups within each other', `${'('.repeat(300)}${')'.repeat(300)}`],
  ])('%s', (_name, pattern) => {
    expect(() => regexAutomaton(pattern, unlimitedTime)).toThrow(RegexRefusedError);
  });

  it.each([
    ['a million repetitions', '(a{1,1000}){1,1000}'],
    ['two to the thirtieth states', 'a.{30}$'],
    ['nothing, very often', '(){100000000}'],
    ['nothing, often within often', '((((){1000}){1000}){1000}){1000}'],
    ['2,000 optional characters', `^${'a?'.repeat(2000)}$`],
  ])('%s', (_name, pattern) => {
    const start = performance.now();
    expect(() => regexAutomaton(pattern, unlimitedTime)).toThrow(AutomatonTooLargeError);
    expect(performance.now() - start).toBeLessThan(3_000);
  });
});
