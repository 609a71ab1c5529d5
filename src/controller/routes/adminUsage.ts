import { parseBody } from '../../protocol/parseBody.js';
import { parseGroupBy, usagePath, UsageQuery, type UsageReport } from '../../protocol/usage.js';
import { toUsageCsv } from '../../protocol/usageCsv.js';
import type { UsageStore } from '../../stores/usageStore.js';
import type { Route } from './route.js';

/** What operators ask of usage: `GET /admin/usage`, as JSON or as CSV. */
export function adminUsageRoutes({ usage }: { usage: Pick<UsageStore, 'rows' | 'total'> }): Route[] {
  return [
    {
      path: usagePath,
      access: 'admin',
      methods: {
        GET: [
          (req, res) => {
            const { groupBy, format, ...filter } = parseBody(UsageQuery, req.query);
            const by = parseGroupBy(groupBy);
            const data = usage.rows({ ...filter, by });
            res.vary('accept');
            if ((format ?? req.accepts(['json', 'csv'])) !== 'csv') {
              return void res.json({ data, total: usage.total(filter) } satisfies UsageReport);
            }
            res.type('text/csv').send(toUsageCsv(data, by));
          },
        ],
      },
    },
  ];
}
