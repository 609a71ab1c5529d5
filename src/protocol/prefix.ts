import { z } from 'zod';

/**
 * Names of prompt prefixes. The controller hashes a request's content in blocks, each together with the hash before
 * it, so that one hash names a whole prefix; workers say under these names what their caches hold. They only help to
 * choose a worker: what is reused is decided there, by comparing tokens.
 */

export const prefixBlockBytes = 256;

/** A longer prompt is told apart by its first 256 KiB: about 64,000 tokens. */
export const maxPrefixBlocks = 1024;

/** The first 64 bits of a SHA-256. */
export const PrefixHash = z.string().regex(/^[0-9a-f]{16}$/);

export const PrefixChain = z.strictObject({
  /** Hash `i` names the first `(i + 1) * prefixBlockBytes` bytes of the content. */
  hashes: z.array(PrefixHash).max(maxPrefixBlocks),
  /** Length of the whole content, to tell how many tokens a block is. */
  bytes: z.int().min(0),
});
export type PrefixChain = z.infer<typeof PrefixChain>;

/** A prefix that a cache holds, and about how many tokens it has. */
export const HeldPrefix = z.tuple([PrefixHash, z.int().min(0)]).readonly();
export type HeldPrefix = z.infer<typeof HeldPrefix>;

/** Of one model of a worker, in one report. */
export const maxReportedPrefixes = 4096;
export const HeldPrefixes = z.array(HeldPrefix).max(maxReportedPrefixes);
