import {
  anyText,
  AutomatonTooLargeError,
  isEmptyAutomaton,
  textOfLength,
  type Automaton,
} from './automaton.js';
import { intersectAutomata } from './automatonProduct.js';
import { automatonRule } from './automatonRule.js';
import type { Never } from './conjunction.js';
import { formatAutomaton, numberFormat } from './formats.js';
import { anyJsonString, stringChar } from './jsonText.js';
import { regexAutomaton } from './regexAutomaton.js';
import { RegexRefusedError } from './regexSyntax.js';
import { repetition } from './repetition.js';
import type { SchemaCompiler } from './schemaCompiler.js';
import { readCount, readString, type LocatedObject } from './schemaKeywords.js';
import type { TimeBudget } from './timeBudget.js';

/** What the automata of texts are made with. */
export type TextCompiler = Pick<SchemaCompiler, 'report' | 'automata' | 'budget'>;

/** Texts and what they were made of: equal keys are equal texts. */
interface KeyedAutomaton {
  readonly key: string;
  readonly automaton: Automaton;
}

/** What schemas ask of a text. */
interface TextLimits {
  readonly minLength: number;
  readonly maxLength: number;
  /** Of the schema that has the tightest bound. */
  readonly lengthPath: string;
  /** The texts that all patterns and formats allow; undefined: any. */
  readonly texts: KeyedAutomaton | undefined;
}

/** GBNF: a JSON string that all these schemas allow. */
export function stringRule(compiler: SchemaCompiler, schemas: readonly LocatedObject[]): string | Never {
  const { builder } = compiler;
  const { minLength, maxLength, lengthPath, texts } = textLimits(compiler, schemas);
  if (minLength > maxLength) {
    return { keyword: 'minLength', path: lengthPath, why: 'it is more than maxLength' };
  }
  if (texts === undefined) {
    if (minLength === 0 && maxLength === Infinity) return anyJsonString(builder);
    return `"\\"" ${repetition(builder, stringChar(builder), minLength, maxLength)} "\\""`;
  }
  const whole = withLength(compiler, texts, minLength, maxLength, lengthPath);
  if (isEmptyAutomaton(whole)) {
    return { keyword: 'pattern', path: schemas[0]!.path, why: 'no string fits all that is asked of it' };
  }
  return `"\\"" ${automatonRule(builder, 'text', whole, 'json')} "\\""`;
}

/** All texts that these schemas allow. */
export function stringAutomaton(compiler: TextCompiler, schemas: readonly LocatedObject[]): Automaton {
  const { minLength, maxLength, lengthPath, texts } = textLimits(compiler, schemas);
  return withLength(compiler, texts ?? { key: '', automaton: anyText }, minLength, maxLength, lengthPath);
}

/** The texts in which a pattern matches; undefined where they cannot be told: then the keyword is reported. */
export function patternAutomaton(
  compiler: TextCompiler,
  pattern: string,
  keyword: string,
  path: string,
): Automaton | undefined {
  return attempt(compiler, patternKey(pattern), (budget) => regexAutomaton(pattern, budget), keyword, path);
}

/** Of a pattern's automaton in the memo. */
export function patternKey(pattern: string): string {
  return `pattern ${JSON.stringify(pattern)}`;
}

function withLength(
  compiler: TextCompiler,
  { key, automaton }: KeyedAutomaton,
  minLength: number,
  maxLength: number,
  path: string,
): Automaton {
  if (minLength === 0 && maxLength === Infinity) return automaton;
  const limited = attempt(
    compiler,
    `${key} length ${minLength} ${maxLength}`,
    (budget) => intersectAutomata(automaton, textOfLength(minLength, maxLength), budget),
    maxLength < Infinity ? 'maxLength' : 'minLength',
    path,
  );
  return limited ?? automaton;
}

function textLimits(compiler: TextCompiler, schemas: readonly LocatedObject[]): TextLimits {
  let minLength = 0;
  let maxLength = Infinity;
  let lengthPath = '#';
  let texts: KeyedAutomaton | undefined;

  function narrow(key: string, automaton: Automaton | undefined, keyword: string, path: string): void {
    if (automaton === undefined) return;
    const before = texts;
    if (before === undefined) {
      texts = { key, automaton };
      return;
    }
    const both = `${before.key} and ${key}`;
    const narrowed = attempt(
      compiler,
      both,
      (budget) => intersectAutomata(before.automaton, automaton, budget),
      keyword,
      path,
    );
    if (narrowed !== undefined) texts = { key: both, automaton: narrowed };
  }

  for (const located of schemas) {
    const { path } = located;
    const [min, max] = [readCount(located, 'minLength'), readCount(located, 'maxLength')];
    if ((min ?? 0) > minLength || (max ?? Infinity) < maxLength) lengthPath = path;
    minLength = Math.max(minLength, min ?? 0);
    maxLength = Math.min(maxLength, max ?? Infinity);
    const pattern = readString(located, 'pattern');
    if (pattern !== undefined) {
      narrow(patternKey(pattern), patternAutomaton(compiler, pattern, 'pattern', path), 'pattern', path);
    }
    const format = readString(located, 'format');
    if (format === undefined || numberFormat(format) !== undefined) continue;
    const known = formatAutomaton(format, compiler.budget);
    if (known === undefined) compiler.report.cannotEnforce('format', path, `"${format}" is not known`);
    else if (known !== 'any') narrow(`format ${format}`, known, 'format', path);
  }
  return { minLength, maxLength, lengthPath, texts };
}

/** Undefined where it cannot be made: then the keyword is reported. */
function attempt(
  { automata, report }: TextCompiler,
  key: string,
  make: (budget: TimeBudget) => Automaton,
  keyword: string,
  path: string,
): Automaton | undefined {
  try {
    return automata.make(key, make);
  } catch (error) {
    if (!(error instanceof RegexRefusedError || error instanceof AutomatonTooLargeError)) throw error;
    report.cannotEnforce(keyword, path, error.message);
    return undefined;
  }
}
