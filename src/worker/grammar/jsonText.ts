import { toGbnfClass, type CharSet } from './charSet.js';
import type { GrammarBuilder } from './grammarBuilder.js';

/** Digits before and after the point of a number: of so many, `JSON.parse` keeps every one. */
export const maxDigits = 15;

/**
 * Rule: what may stand between the tokens of JSON. Nothing, a space, or a new line with its indentation, and no more: a
 * small model that may write spaces forever does.
 */
export function whitespace(builder: GrammarBuilder): string {
  return builder.rule('ws', '"" | " " | "\\n" [ ]{0,20}');
}

/** GBNF: a colon, and the space that most models write behind it. */
export const colon = '":" [ ]?';

const unicodeEscape =
  '"u" ([0-9a-cA-CefEF] [0-9a-fA-F]{3} | [dD] ([0-7] [0-9a-fA-F]{2} | [89abAB] [0-9a-fA-F]{2} "\\\\u" [dD] [c-fC-F] [0-9a-fA-F]{2}))';

/** Rule: one code point within the quotes of a JSON string, in any spelling but a lone surrogate's. */
export function stringChar(builder: GrammarBuilder): string {
  return builder.rule('char', `[^"\\\\\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | ${unicodeEscape})`);
}

/** Rule: one of these characters as they are, or any character that has to be escaped, as `JSON.stringify` does. */
export function anyJsonChar(builder: GrammarBuilder, plain: CharSet): string {
  const escapes = '"\\\\" (["\\\\bfnrt] | "u00" [01] [0-9a-f])';
  return builder.rule('char', plain.length === 0 ? escapes : `${toGbnfClass(plain)} | ${escapes}`);
}

/** Rule: any JSON string. */
export function anyJsonString(builder: GrammarBuilder): string {
  return builder.rule('string', `"\\"" ${stringChar(builder)}* "\\""`);
}

/** Rule: any integer of up to {@link maxDigits} digits, without an exponent. */
export function anyInteger(builder: GrammarBuilder): string {
  return builder.rule('integer', `"-"? ${wholePart(builder)}`);
}

/** Rule: any number of up to {@link maxDigits} digits before and after the point and two of the exponent. */
export function anyNumber(builder: GrammarBuilder): string {
  return builder.rule(
    'number',
    `"-"? ${wholePart(builder)} ("." [0-9]{1,${maxDigits}})? ([eE] [-+]? [0-9]{1,2})?`,
  );
}

/** Rule: true or false. */
export function anyBoolean(builder: GrammarBuilder): string {
  return builder.rule('boolean', '"true" | "false"');
}

/** any JSON value */
export function anyJsonValue(builder: GrammarBuilder): string {
  return builder.once('any JSON value', () => {
    const value = builder.reserve('value');
    builder.once('any JSON object', () => objectOf(builder, value.name));
    value.define(
      [
        anyJsonObject(builder),
        anyJsonArray(builder, value.name),
        anyJsonString(builder),
        anyNumber(builder),
        anyBoolean(builder),
        '"null"',
      ].join(' | '),
    );
    return value.name;
  });
}

/** any JSON object */
export function anyJsonObject(builder: GrammarBuilder): string {
  return builder.once('any JSON object', () => objectOf(builder, anyJsonValue(builder)));
}

/** Rule: any JSON array, of these values. */
export function anyJsonArray(builder: GrammarBuilder, value: string): string {
  const ws = whitespace(builder);
  const more = builder.rule('element', `"," ${ws} ${value}`);
  return builder.rule('array', `"[" ${ws} (${value} ${more}* ${ws})? "]"`);
}

function objectOf(builder: GrammarBuilder, value: string): string {
  const ws = whitespace(builder);
  const member = `${anyJsonString(builder)} ${colon} ${value}`;
  const more = builder.rule('member', `"," ${ws} ${member}`);
  return builder.rule('object', `"{" ${ws} (${member} ${more}* ${ws})? "}"`);
}

function wholePart(builder: GrammarBuilder): string {
  return builder.rule('whole', `"0" | [1-9] [0-9]{0,${maxDigits - 1}}`);
}
