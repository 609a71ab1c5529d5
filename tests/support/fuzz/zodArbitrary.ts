import fc, { type Arbitrary } from 'fast-check';
import { safeParse } from 'zod/v4/core';
import type { z } from 'zod';

type Def = z.core.$ZodTypes['_zod']['def'];
interface Bounds {
  min: number;
  max: number;
  minExcluded: boolean;
  maxExcluded: boolean;
  pattern: RegExp | undefined;
}

/** Longer ones only cost time. */
const maxItems = 4;
const maxCharacters = 40;

/** Values that a zod schema accepts, made of what the schema says of itself. */
export function toArbitrary(schema: z.core.$ZodType): Arbitrary<unknown> {
  const { checks = [] } = schema._zod.def as Def;
  if (!checks.some((check) => check._zod.def.check === 'custom')) return toUnrefined(schema);
  // What a refinement wants is not to be seen from outside; a part of these will do.
  const tried = fc.oneof(toUnrefined(schema), fc.integer({ min: -1_000, max: 1_000 }));
  return tried.filter((value) => safeParse(schema, value).success);
}

function toUnrefined(schema: z.core.$ZodType): Arbitrary<unknown> {
  const def = schema._zod.def as Def;
  const bounds = readBounds(def.checks ?? []);
  switch (def.type) {
    case 'string':
      return toString(bounds);
    case 'number':
      return toNumber(bounds, 'format' in def);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'literal':
      return fc.constantFrom(...def.values);
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries));
    case 'unknown':
    case 'any':
      return fc.jsonValue({ maxDepth: 2 });
    case 'optional':
      return fc.option(toArbitrary(def.innerType), { nil: undefined, freq: 3 });
    case 'nullable':
      return fc.option(toArbitrary(def.innerType), { freq: 6 });
    case 'default':
      return toArbitrary(def.innerType);
    case 'array':
      return fc.array(toArbitrary(def.element), toLengths(bounds, maxItems));
    case 'record':
      return fc.dictionary(toArbitrary(def.keyType) as Arbitrary<string>, toArbitrary(def.valueType), {
        maxKeys: maxItems,
      });
    case 'object': {
      const fields = Object.entries(def.shape).map(([name, field]) => [name, toArbitrary(field)] as const);
      // As a client sends it: what is undefined is not there.
      return fc.record(Object.fromEntries(fields)).map((value) => {
        return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
      });
    }
    case 'pipe':
      // What goes through a preprocess step is made as it has to come out of it.
      return toArbitrary(def.out);
    case 'union':
      return fc.oneof(...def.options.map(toArbitrary));
    default:
      throw new Error(`no values for the zod type ${def.type}`);
  }
}

function readBounds(checks: readonly z.core.$ZodCheck[]): Bounds {
  const bounds: Bounds = {
    min: -Infinity,
    max: Infinity,
    minExcluded: false,
    maxExcluded: false,
    pattern: undefined,
  };
  for (const check of checks) {
    const def = check._zod.def as z.core.$ZodChecks['_zod']['def'];
    if (def.check === 'greater_than')
      Object.assign(bounds, { min: Number(def.value), minExcluded: !def.inclusive });
    if (def.check === 'less_than')
      Object.assign(bounds, { max: Number(def.value), maxExcluded: !def.inclusive });
    if (def.check === 'min_length') bounds.min = def.minimum;
    if (def.check === 'max_length') bounds.max = def.maximum;
    if (def.check === 'string_format') bounds.pattern = def.pattern;
  }
  return bounds;
}

function toLengths({ min, max }: Bounds, usual: number): { minLength: number; maxLength: number } {
  const minLength = Math.max(min, 0);
  return { minLength, maxLength: Math.min(max, Math.max(minLength, usual)) };
}

function toString(bounds: Bounds): Arbitrary<string> {
  if (bounds.pattern) return fc.stringMatching(bounds.pattern);
  return fc.string({ ...toLengths(bounds, maxCharacters), unit: 'binary' });
}

function toNumber({ min, max, minExcluded, maxExcluded }: Bounds, isInteger: boolean): Arbitrary<number> {
  if (!isInteger) {
    const within = { min: Math.max(min, -1e9), max: Math.min(max, 1e9), minExcluded, maxExcluded };
    return fc.double({ ...within, noNaN: true });
  }
  const least = Math.max(min, -1_000);
  return fc.integer({ min: least, max: Math.min(max, Math.max(least, 0) + 1_000) });
}
