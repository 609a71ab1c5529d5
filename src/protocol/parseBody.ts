import type { z } from 'zod';
import { ApiError, shorten, type ErrorName } from './apiError.js';

/** Given as the message of a bound, it makes the error one of a decimal; other numbers are integers. */
export const boundOfDecimal = 'decimal';

type Issue = z.core.$ZodIssue;

/**
 * Only the first thing that is wrong is told, and a body can have millions: an array with one is not read on. Zod has
 * this for its own `validate` only.
 */
const context: z.core.ParseContextInternal<Issue> = { reportInput: true, abortEarly: true };

/**
 * Checks a request body against a schema.
 *
 * @throws ApiError (400) that names the first field at fault, as OpenAI words it: `param` is `messages[0].content`.
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body, context);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (!issue) throw new ApiError('invalid_body');
  throw toParameterError(issue, body);
}

function toParameterError(issue: Issue, body: unknown): ApiError {
  const { path, leaf } = deepest(issue);
  const param = toParamPath(path);
  const isMissing = leaf.input === undefined || leaf.code === 'invalid_union';
  if (isMissing && path.length > 0 && !hasOwnPath(body, path)) {
    return new ApiError('missing_required_parameter', {
      message: `Missing required parameter: '${param}'.`,
      param,
    });
  }
  const { name, message } = describe(leaf, param);
  return new ApiError(name, { message, param: param || null });
}

/** For a union, the branch that matched furthest tells best what was meant. */
function deepest(issue: Issue): { path: PropertyKey[]; leaf: Issue } {
  if (issue.code !== 'invalid_union') return { path: issue.path, leaf: issue };
  const branches = issue.errors
    .flatMap((issues) => issues.slice(0, 1))
    .map(deepest)
    .sort(byReach);
  const best = branches[0];
  const isTypeMismatch = branches.every(
    ({ path, leaf }) => path.length === 0 && leaf.code === 'invalid_type',
  );
  if (!best || isTypeMismatch) return { path: issue.path, leaf: issue };
  const constraint =
    branches.find(({ path, leaf }) => path.length > 0 || leaf.code !== 'invalid_type') ?? best;
  return { path: [...issue.path, ...constraint.path], leaf: constraint.leaf };
}

interface Reach {
  readonly path: readonly PropertyKey[];
  readonly leaf: Issue;
}

/** Those that matched further come first; a size is looked at when all that is inside has fit. */
function byReach(a: Reach, b: Reach): number {
  const isOnlySize = ({ path, leaf }: Reach) =>
    Number(path.length === 0 && (leaf.code === 'too_small' || leaf.code === 'too_big'));
  const differing = a.path.findIndex((key, index) => key !== b.path[index]);
  const [placeInA, placeInB] = [a.path[differing], b.path[differing]];
  return (
    isOnlySize(b) - isOnlySize(a) ||
    b.path.length - a.path.length ||
    (typeof placeInA === 'number' && typeof placeInB === 'number' ? placeInB - placeInA : 0)
  );
}

function describe(issue: Issue, param: string): { name: ErrorName; message: string } {
  const at = param === '' ? 'the request body' : `'${param}'`;
  switch (issue.code) {
    case 'invalid_type':
      return {
        name: 'invalid_type',
        message: `Invalid type for ${at}: expected ${article(issue.expected)}, but got ${typeName(issue.input)} instead.`,
      };
    case 'invalid_union': {
      if ('options' in issue && issue.options)
        return describeChoice(at, readDiscriminator(issue), issue.options);
      const expected = issue.errors
        .flat()
        .flatMap((inner) => (inner.code === 'invalid_type' ? [article(inner.expected)] : []));
      return {
        name: 'invalid_type',
        message: `Invalid type for ${at}: expected one of ${[...new Set(expected)].join(' or ')}, but got ${typeName(issue.input)} instead.`,
      };
    }
    case 'invalid_value':
      return describeChoice(at, issue.input, issue.values);
    case 'unrecognized_keys': {
      const keys = issue.keys.map((key) => `'${key}'`).join(', ');
      return { name: 'invalid_value', message: `Invalid value for ${at}: ${keys} is not known there.` };
    }
    case 'invalid_key': {
      const [wrong] = issue.issues;
      if (wrong) return describe(wrong, param);
      return { name: 'invalid_value', message: `Invalid key: ${at}.` };
    }
    case 'too_small':
      return describeSize(issue, at, 'min');
    case 'too_big':
      return describeSize(issue, at, 'max');
    case 'custom': {
      const expected = issue.params?.['expected'] as string | undefined;
      return {
        name: 'invalid_type',
        message: `Invalid type for ${at}: expected ${article(expected ?? 'another type')}, but got ${typeName(issue.input)} instead.`,
      };
    }
    default:
      return { name: 'invalid_value', message: `Invalid value for ${at}: ${issue.message}.` };
  }
}

function describeChoice(
  at: string,
  input: unknown,
  values: readonly unknown[],
): { name: ErrorName; message: string } {
  // What may be left out is no value to send.
  const sendable = values.map(String).filter((value) => value !== 'undefined');
  const accepted = sendable.map((value) => `'${value}'`).join(', ');
  return {
    name: 'invalid_value',
    message: `Invalid value for ${at}: ${quote(input)}. Supported values are: ${accepted}.`,
  };
}

/** Enough of what was sent to know it again. */
function quote(value: unknown): string {
  return shorten(JSON.stringify(value) ?? 'nothing', 99);
}

/** What tells the kinds of an object apart; zod reports the whole object. */
function readDiscriminator(issue: Extract<Issue, { code: 'invalid_union' }>): unknown {
  const input = issue.input as Record<string, unknown> | undefined;
  return issue.discriminator === undefined ? undefined : input?.[issue.discriminator];
}

function describeSize(
  issue: Extract<Issue, { code: 'too_small' | 'too_big' }>,
  at: string,
  side: 'min' | 'max',
): { name: ErrorName; message: string } {
  const bound = Number(issue.code === 'too_small' ? issue.minimum : issue.maximum);
  const isExclusive = issue.inclusive === false;
  const limit =
    side === 'min'
      ? `${isExclusive ? 'more than' : 'at least'} ${bound}`
      : `${isExclusive ? 'less than' : 'at most'} ${bound}`;
  if (issue.origin === 'array') {
    return {
      name: side === 'min' ? 'empty_array' : 'array_above_max_length',
      message: `Invalid ${at}: the array must have ${limit} element${bound === 1 ? '' : 's'}.`,
    };
  }
  if (issue.origin === 'string') {
    return {
      name: side === 'min' ? 'empty_string' : 'string_above_max_length',
      message: `Invalid ${at}: the string must have ${limit} character${bound === 1 ? '' : 's'}.`,
    };
  }
  if (issue.origin === 'object') {
    return {
      name: 'object_above_max_properties',
      message: `Invalid ${at}: the object must have ${limit} properties.`,
    };
  }
  const kind = issue.message === boundOfDecimal ? 'decimal' : 'integer';
  const direction = side === 'min' ? 'below_min_value' : 'above_max_value';
  return {
    name: `${kind}_${direction}`,
    message: `Invalid value for ${at}: expected ${limit}, but got ${JSON.stringify(issue.input)}.`,
  };
}

/** `['messages', 0, 'content']` → `messages[0].content`. */
export function toParamPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

function hasOwnPath(body: unknown, path: readonly PropertyKey[]): boolean {
  let value = body;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return true;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  // What is no number in JSON comes from the text of a query.
  if (Number.isNaN(value)) return 'a string';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal';
  return article(typeof value);
}

function article(type: string): string {
  const name = type === 'int' ? 'integer' : type;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}
