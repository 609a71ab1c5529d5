import { ApiError } from '../../protocol/apiError.js';
import type { InputItem, InputTexts } from '../../protocol/openai/responses/inputItems.js';
import type { InputText, Item } from '../../protocol/openai/responses/items.js';
import type { ResponseRequest } from '../../protocol/openai/responses/request.js';
import type { ResponseStore } from '../../stores/responseStore.js';
import { mintId } from '../presenters/chatCompletion.js';

export interface ResponseInput {
  /** What was said before, in the responses that this one goes on from. */
  readonly earlier: readonly Item[];
  /** What this request adds. */
  readonly added: readonly Item[];
}

/**
 * The items of a request, the earlier ones from the store. Those that are added get ids of their own, so that an id
 * belongs to one item only, however often a client sends it.
 *
 * @throws ApiError where there is no input, and for what the store does not have (any more).
 */
export function readInput(
  store: Pick<ResponseStore, 'conversation' | 'item'>,
  { input, previous_response_id: previousId }: Pick<ResponseRequest, 'input' | 'previous_response_id'>,
  owner: string,
): ResponseInput {
  const isEmpty = input == null || (Array.isArray(input) && input.length === 0);
  if (isEmpty && previousId == null) throw noInput(input);
  const items = typeof input === 'string' ? [toUserMessage(input)] : (input ?? []);
  return {
    earlier: previousId == null ? [] : readConversation(store, previousId, owner),
    added: items.map((item, index) => toItem(item, (id) => findItem(store, id, owner, index))),
  };
}

/** @throws ApiError where the conversation is not whole: the model would answer without knowing its beginning. */
export function readConversation(
  store: Pick<ResponseStore, 'conversation'>,
  id: string,
  owner: string,
): readonly Item[] {
  const { items, missing } = store.conversation(owner, id);
  if (missing === undefined) return items;
  const goesOn = missing === id ? '' : `, from which '${id}' goes on`;
  throw new ApiError('previous_response_not_found', {
    message: `Previous response with id '${missing}' not found${goesOn}.`,
    param: 'previous_response_id',
  });
}

function findItem(store: Pick<ResponseStore, 'item'>, id: string, owner: string, index: number): Item {
  const item = store.item(owner, id);
  if (item) return item;
  throw new ApiError('item_not_found', {
    message: `Item with id '${id}' not found. Items are kept with the responses that are stored: create the response with 'store': true, or send the item itself.`,
    param: `input[${index}].id`,
  });
}

function noInput(input: ResponseRequest['input']): ApiError {
  if (input == null)
    return new ApiError('missing_required_parameter', {
      message: "Missing required parameter: 'input'.",
      param: 'input',
    });
  const message = "Invalid 'input': the array must have at least 1 element.";
  return new ApiError('empty_array', { message, param: 'input' });
}

function toUserMessage(content: string): InputItem {
  return { type: 'message', role: 'user', content };
}

function toItem(item: InputItem, find: (id: string) => Item): Item {
  const status = 'completed';
  switch (item.type) {
    case 'message': {
      const id = mintId('msg_');
      const texts = toTexts(item.content);
      if (item.role !== 'assistant')
        return { id, type: 'message', role: item.role, status, content: texts.map(toInputText) };
      const content = texts.map((text) => ({
        type: 'output_text' as const,
        text,
        annotations: [],
        logprobs: [],
      }));
      return { id, type: 'message', role: 'assistant', status, content };
    }
    case 'function_call': {
      const { type, call_id, name, arguments: args } = item;
      return { id: mintId('fc_'), type, call_id, name, arguments: args, status };
    }
    case 'function_call_output': {
      const { type, call_id, output } = item;
      const texts = typeof output === 'string' ? output : toTexts(output).map(toInputText);
      return { id: mintId('fco_'), type, call_id, output: texts, status };
    }
    case 'reasoning': {
      const thoughts = item.content?.length ? item.content : (item.summary ?? []);
      const content = thoughts.map(({ text }) => ({ type: 'reasoning_text' as const, text }));
      return { id: mintId('rs_'), type: 'reasoning', summary: [], content, status };
    }
    case 'item_reference':
      return { ...find(item.id), id: mintId(`${item.id.split('_')[0]}_`) };
  }
}

/** A refusal is text that the model wrote. */
function toTexts(content: InputTexts): string[] {
  if (typeof content === 'string') return [content];
  return content.map((part) => (part.type === 'refusal' ? part.refusal : part.text));
}

function toInputText(text: string): InputText {
  return { type: 'input_text', text };
}
