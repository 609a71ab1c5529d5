import { UsageQuery, UsageReport } from '../../../protocol/usage.js';
import { pageErrors } from '../errors.js';
import { defineGroup } from '../operation.js';

export const usageGroup = defineGroup({
  name: 'Usage',
  description: 'What each key has used: the same numbers as in the answers and the metrics, and kept.',
  access: 'admin',
  schemas: { UsageReport },
  operations: [
    {
      id: 'readUsage',
      method: 'GET',
      path: '/admin/usage',
      summary: 'Read what was used',
      description:
        'A request is counted on the day on which it ends, by UTC, before its client sees the end.',
      query: UsageQuery,
      answers: {
        200: {
          description: 'A row for each day, key and model with usage, or for what `groupBy` names.',
          json: 'UsageReport',
          other: 'text/csv',
        },
      },
      errors: pageErrors,
      examples: () => ({
        'Everything by day, key and model': {},
        'What each key used in August': { query: { groupBy: 'key', from: '2026-08-01', to: '2026-08-31' } },
        'For a spreadsheet': { query: { groupBy: 'day,model', format: 'csv' } },
      }),
    },
  ],
});
