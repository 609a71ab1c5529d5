import { z } from 'zod';

/** Parts of lists without a bound. With `abort`, a list that has a wrong one is not read on: see `parseBody.ts`. */

export const nonEmptyText = z.string().min(1, { abort: true });

export const tokenId = z.int({ abort: true }).min(0, { abort: true });
