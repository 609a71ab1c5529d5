import { z } from 'zod';

/** Query parameters and answers of lists that are read page by page. */

/** `limit` of a query, which is text there. */
export function pageSize({ max, standard }: { max: number; standard: number }) {
  return z.string().transform(Number).pipe(z.int().min(1).max(max)).default(standard);
}

export const listOrder = z.enum(['asc', 'desc']).default('desc');

/** The official clients take the id of the last entry as the next `after`, as long as `has_more` is true. */
export interface ListPage<T> {
  readonly object: 'list';
  readonly data: readonly T[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

/** `found`: up to one more than fits on the page. */
export function toListPage<T extends { id: string }>(found: readonly T[], limit: number): ListPage<T> {
  const data = found.slice(0, limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: found.length > limit,
  };
}
