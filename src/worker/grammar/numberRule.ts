import { automatonRule } from './automatonRule.js';
import { AutomatonTooLargeError, isEmptyAutomaton } from './automaton.js';
import type { Never } from './conjunction.js';
import { numberFormat } from './formats.js';
import { anyInteger, anyNumber, maxDigits } from './jsonText.js';
import { numberAutomaton, type NumberBound, type NumberLimits } from './numberAutomaton.js';
import type { SchemaCompiler } from './schemaCompiler.js';
import { readNumber, readString, type LocatedObject } from './schemaKeywords.js';
import { SchemaRefusedError } from './schemaReport.js';

/** GBNF: a number that all these schemas allow. */
export function numberRule(
  compiler: SchemaCompiler,
  schemas: readonly LocatedObject[],
  integer: boolean,
): string | Never {
  const limits = numberLimits(schemas, integer);
  const path = schemas[0]?.path ?? '#';
  const rule = limitedNumber(compiler, limits, schemas);
  return rule !== ''
    ? rule
    : { keyword: boundKeyword(limits), path, why: `no number of ${maxDigits} digits fits` };
}

/** What these schemas ask of a number. */
export function numberLimits(schemas: readonly LocatedObject[], integer: boolean): NumberLimits {
  let minimum: NumberBound | undefined;
  let maximum: NumberBound | undefined;
  const multipleOf: number[] = [];
  function raise(value: number | undefined, exclusive: boolean): void {
    if (value === undefined) return;
    if (minimum === undefined || value > minimum.value || (value === minimum.value && exclusive)) {
      minimum = { value, exclusive };
    }
  }
  function lower(value: number | undefined, exclusive: boolean): void {
    if (value === undefined) return;
    if (maximum === undefined || value < maximum.value || (value === maximum.value && exclusive)) {
      maximum = { value, exclusive };
    }
  }
  for (const located of schemas) {
    const format = numberFormat(readString(located, 'format') ?? '');
    raise(format?.minimum, false);
    lower(format?.maximum, false);
    raise(readNumber(located, 'minimum'), false);
    raise(readNumber(located, 'exclusiveMinimum'), true);
    lower(readNumber(located, 'maximum'), false);
    lower(readNumber(located, 'exclusiveMaximum'), true);
    const factor = readNumber(located, 'multipleOf');
    if (factor === undefined) continue;
    if (factor <= 0) throw new SchemaRefusedError('multipleOf', located.path, 'it must be more than 0');
    if (!(integer && factor === 1)) multipleOf.push(factor);
  }
  return {
    integer,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    multipleOf,
  };
}

/** The rule, or '' where no number is allowed. */
function limitedNumber(
  compiler: SchemaCompiler,
  limits: NumberLimits,
  schemas: readonly LocatedObject[],
): string {
  const { builder, report, automata } = compiler;
  const { integer, minimum, maximum, multipleOf } = limits;
  if (minimum === undefined && maximum === undefined && multipleOf.length === 0) {
    return integer ? anyInteger(builder) : anyNumber(builder);
  }
  try {
    const automaton = automata.make(`number ${JSON.stringify(limits)}`, (budget) =>
      numberAutomaton(limits, budget),
    );
    return isEmptyAutomaton(automaton)
      ? ''
      : automatonRule(builder, integer ? 'integer' : 'number', automaton, 'plain');
  } catch (error) {
    if (!(error instanceof AutomatonTooLargeError)) throw error;
    const path = schemas.find((located) => readNumber(located, 'multipleOf') !== undefined)?.path ?? '#';
    report.cannotEnforce('multipleOf', path, `${multipleOf.join(' and ')} would take too many rules`);
    return limitedNumber(compiler, { ...limits, multipleOf: [] }, schemas);
  }
}

function boundKeyword({ minimum, maximum }: NumberLimits): string {
  if (minimum !== undefined) return minimum.exclusive ? 'exclusiveMinimum' : 'minimum';
  if (maximum !== undefined) return maximum.exclusive ? 'exclusiveMaximum' : 'maximum';
  return 'multipleOf';
}
