import type { UnnumberedEvent } from '../../protocol/openai/responses/events.js';
import type { ItemStatus, OutputItem, TextLogprobs } from '../../protocol/openai/responses/items.js';
import type { DeltaLengths } from '../../stores/responseStore.js';
import { createGrowingItem, type GrowingItem, type ItemHead } from './responseItems.js';

/** The output of a response as it comes to be. At most one item is open, the last. */
export interface ResponseOutput {
  /** Closes the item that is open as completed, and opens another one. */
  open(head: ItemHead): UnnumberedEvent[];
  /** Goes on with the item that is open. */
  append(delta: string, logprobs?: TextLogprobs): UnnumberedEvent[];
  close(status: ItemStatus): UnnumberedEvent[];
  /** All items; one that is open is incomplete. */
  items(): OutputItem[];
  /** For each item, how its text was cut. */
  lengths(): DeltaLengths[];
}

export function createResponseOutput(): ResponseOutput {
  const closed: OutputItem[] = [];
  const lengths: [characters: number, tokens: number][][] = [];
  let current: GrowingItem | undefined;

  function close(status: ItemStatus): UnnumberedEvent[] {
    if (!current) return [];
    const events = current.close(status);
    closed.push(current.toItem(status));
    current = undefined;
    return events;
  }

  return {
    open(head) {
      const before = close('completed');
      current = createGrowingItem(head, closed.length);
      lengths.push([]);
      return [...before, ...current.open()];
    },
    append(delta, logprobs = []) {
      if (!current) throw new Error('no output item is open');
      lengths.at(-1)?.push([delta.length, logprobs.length]);
      return current.append(delta, logprobs);
    },
    close,
    items: () => (current ? [...closed, current.toItem('incomplete')] : [...closed]),
    lengths: () => lengths,
  };
}
