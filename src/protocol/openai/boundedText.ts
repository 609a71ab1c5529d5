import { z } from 'zod';

/**
 * More characters than any model here reads at once. A worker does nothing else while it tokenizes a text, so that one
 * of the size of a whole body would make it look lost.
 */
export const boundedText = z.string().max(1_000_000);
