import type { UnnumberedEvent } from '../../protocol/openai/responses/events.js';
import type {
  ItemStatus,
  OutputItem,
  OutputText,
  ReasoningText,
  TextLogprobs,
} from '../../protocol/openai/responses/items.js';

/** An output item while it grows: what a stream says of it, and what it is so far. */
export interface GrowingItem {
  open(): UnnumberedEvent[];
  append(delta: string, logprobs: TextLogprobs): UnnumberedEvent[];
  close(status: ItemStatus): UnnumberedEvent[];
  toItem(status: ItemStatus): OutputItem;
}

/** What an item is told apart by. */
export type ItemHead =
  | { readonly type: 'message' | 'reasoning'; readonly id: string }
  | { readonly type: 'function_call'; readonly id: string; readonly callId: string; readonly name: string };

/** Its events are in the order of the official API: added, its part, deltas, and the same backwards as done. */
export function createGrowingItem(head: ItemHead, outputIndex: number): GrowingItem {
  switch (head.type) {
    case 'message':
      return createMessage(head.id, outputIndex);
    case 'reasoning':
      return createReasoning(head.id, outputIndex);
    case 'function_call':
      return createFunctionCall(head, outputIndex);
  }
}

function createMessage(id: string, output_index: number): GrowingItem {
  let text = '';
  const logprobs: TextLogprobs = [];
  const at = { item_id: id, output_index, content_index: 0 };
  const toPart = (): OutputText => ({ type: 'output_text', text, annotations: [], logprobs: [...logprobs] });
  const toItem = (status: ItemStatus, content = [toPart()]): OutputItem => ({
    id,
    type: 'message',
    role: 'assistant',
    status,
    content,
  });
  return {
    toItem,
    open: () => openWithPart(at, toItem('in_progress', []), toPart()),
    append(delta, added) {
      text += delta;
      logprobs.push(...added);
      return [{ type: 'response.output_text.delta', ...at, delta, logprobs: added }];
    },
    close: (status) => [
      { type: 'response.output_text.done', ...at, text, logprobs: [...logprobs] },
      ...closeWithPart(at, toItem(status), toPart()),
    ],
  };
}

function createReasoning(id: string, output_index: number): GrowingItem {
  let text = '';
  const at = { item_id: id, output_index, content_index: 0 };
  const toPart = (): ReasoningText => ({ type: 'reasoning_text', text });
  const toItem = (status: ItemStatus, content = [toPart()]): OutputItem => ({
    id,
    type: 'reasoning',
    status,
    summary: [],
    content,
  });
  return {
    toItem,
    open: () => openWithPart(at, toItem('in_progress', []), toPart()),
    append(delta) {
      text += delta;
      return [{ type: 'response.reasoning_text.delta', ...at, delta }];
    },
    close: (status) => [
      { type: 'response.reasoning_text.done', ...at, text },
      ...closeWithPart(at, toItem(status), toPart()),
    ],
  };
}

interface PartPlace {
  readonly item_id: string;
  readonly output_index: number;
  readonly content_index: number;
}

/** The item without its content, then its only part. */
function openWithPart(at: PartPlace, item: OutputItem, part: OutputText | ReasoningText): UnnumberedEvent[] {
  return [
    { type: 'response.output_item.added', output_index: at.output_index, item },
    { type: 'response.content_part.added', ...at, part },
  ];
}

function closeWithPart(at: PartPlace, item: OutputItem, part: OutputText | ReasoningText): UnnumberedEvent[] {
  return [
    { type: 'response.content_part.done', ...at, part },
    { type: 'response.output_item.done', output_index: at.output_index, item },
  ];
}

function createFunctionCall(
  { id, callId, name }: Extract<ItemHead, { type: 'function_call' }>,
  output_index: number,
): GrowingItem {
  let args = '';
  const at = { item_id: id, output_index };
  const toItem = (status: ItemStatus): OutputItem => ({
    id,
    type: 'function_call',
    status,
    call_id: callId,
    name,
    arguments: args,
  });
  return {
    toItem,
    open: () => [{ type: 'response.output_item.added', output_index, item: toItem('in_progress') }],
    append(delta) {
      args += delta;
      return [{ type: 'response.function_call_arguments.delta', ...at, delta }];
    },
    close: (status) => [
      { type: 'response.function_call_arguments.done', ...at, name, arguments: args },
      { type: 'response.output_item.done', output_index, item: toItem(status) },
    ],
  };
}
