/** RAM of a model that is to be loaded. */
export interface MemoryNeed {
  readonly weightsBytes: number;
  /** KV cache and compute buffers, for `slots` × `contextTokens`. */
  readonly contextBytes: number;
  readonly slots: number;
  readonly contextTokens: number;
}

/** A model that does not fit; the message is for the person who starts the worker. */
export class NotEnoughMemoryError extends Error {}

/**
 * Compares what a model needs with what there is.
 *
 * @throws NotEnoughMemoryError with the figures and what helps.
 */
export function requireMemory(model: string, need: MemoryNeed, availableBytes: number): void {
  const { weightsBytes, contextBytes, slots, contextTokens } = need;
  const neededBytes = weightsBytes + contextBytes;
  if (neededBytes <= availableBytes) return;
  const context = slots > 1 ? `${slots} slots × ${contextTokens} tokens` : `${contextTokens} tokens`;
  const fewer = slots > 1 ? 'use fewer --slots or a smaller --context' : 'use a smaller --context';
  const advice =
    weightsBytes > availableBytes * mostlyFull ? 'use a smaller model or a smaller quantization' : fewer;
  throw new NotEnoughMemoryError(
    `model ${model} needs about ${toAmount(neededBytes)} (weights ${toAmount(weightsBytes)}, context of ${context} ` +
      `${toAmount(contextBytes)}) but ${toAmount(availableBytes)} are available; ${advice}`,
  );
}

/** Where the weights leave no more room than this, no context is small enough to help. */
const mostlyFull = 0.95;

function toAmount(bytes: number): string {
  return bytes >= 1e8 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}
