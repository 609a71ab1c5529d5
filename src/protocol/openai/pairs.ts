import { z } from 'zod';

/** An object of at most so many pairs. They are counted before any is looked at: a body has room for a million. */
export function pairs<Key extends z.core.$ZodRecordKey, Value extends z.ZodType>(
  key: Key,
  value: Value,
  most: number,
) {
  const count = (input: unknown, { issues }: z.core.$RefinementCtx) => {
    if (typeof input === 'object' && input !== null && Object.keys(input).length > most)
      issues.push({ code: 'too_big', origin: 'object', maximum: most, input });
    return input;
  };
  return z.preprocess(count, z.record(key, value)).meta({ maxProperties: most });
}

/** Labels of clients, kept with what they belong to. */
export const Metadata = pairs(z.string().max(64), z.string().max(512), 16);
