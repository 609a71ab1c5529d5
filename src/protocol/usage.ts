import { z } from 'zod';

/** What usage can be told apart by. */
export const usageDimensions = ['day', 'key', 'model'] as const;
export type UsageDimension = (typeof usageDimensions)[number];

export const usagePath = '/admin/usage';

const day = z.iso.date();
const count = z.int().min(0);

/** Whose usage is asked for, and of which days. */
export const UsageFilter = z.strictObject({
  key: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('Only this key, by its id; `anonymous` is everybody without one.'),
  model: z.string().min(1).max(256).optional().describe('Only this model.'),
  from: day.optional().describe('The first day, by UTC.'),
  to: day.optional().describe('The last day, by UTC.'),
});
export type UsageFilter = z.infer<typeof UsageFilter>;

/** `GET /admin/usage?…` */
export const UsageQuery = UsageFilter.extend({
  groupBy: z
    .string()
    .regex(
      /^(day|key|model)(,(day|key|model))*$/,
      'expected day, key or model, or several with commas between',
    )
    .default(usageDimensions.join(','))
    .describe(
      'What the rows are told apart by, in the order in which they are sorted: `day`, `key`, `model`.',
    ),
  format: z
    .enum(['json', 'csv'])
    .optional()
    .describe('Without it the header `Accept` decides, where it asks for `text/csv`.'),
});
export type UsageQuery = z.infer<typeof UsageQuery>;

/** The dimensions that a query names, each once. */
export function parseGroupBy(groupBy: string): UsageDimension[] {
  return [...new Set(groupBy.split(',') as UsageDimension[])];
}

const counts = {
  requests: count.describe('Inference requests, whatever came of them.'),
  errors: count.describe('Those of them that failed, not by their own fault.'),
  promptTokens: count.describe('Tokens of prompts.'),
  cachedTokens: count.describe('The part of the prompts that did not have to be evaluated.'),
  completionTokens: count.describe(
    'Tokens that were generated; of a stream that was cut, those that were sent.',
  ),
};
export const usageCounts = Object.keys(counts) as (keyof typeof counts)[];

export const UsageCounts = z.strictObject(counts);
export type UsageCounts = z.infer<typeof UsageCounts>;

export const UsageRow = z.strictObject({
  day: day.optional().describe('By UTC.'),
  key: z.string().optional().describe('The id of the key, or `anonymous`.'),
  model: z.string().optional().describe('`unknown`: the request named none that there is.'),
  ...counts,
});
export type UsageRow = z.infer<typeof UsageRow>;

export const UsageReport = z.strictObject({
  data: z.array(UsageRow).describe('Only rows with usage.'),
  total: UsageCounts.describe('Of all rows together.'),
});
export type UsageReport = z.infer<typeof UsageReport>;

export const noUsage: UsageCounts = {
  requests: 0,
  errors: 0,
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
};
