import { z } from 'zod';
import { nonEmptyText } from '../elements.js';

/** `input` of a response as clients send it: loose, because they send back items with newer fields. */

const InputPart = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('input_text'), text: z.string().describe('What somebody wrote.') }),
  z.looseObject({ type: z.literal('output_text'), text: z.string().describe('What the model wrote.') }),
  z.looseObject({ type: z.literal('refusal'), refusal: z.string().describe('The same, as a refusal.') }),
]);

export const InputTexts = z.union([z.string(), z.array(InputPart)]);
export type InputTexts = z.infer<typeof InputTexts>;

const thoughts = z.array(z.looseObject({ text: z.string().describe('A part of it.') })).nullish();

const TypedItem = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('message').default('message'),
    role: z
      .enum(['user', 'assistant', 'system', 'developer'])
      .describe('To the model `developer` is `system`.'),
    content: InputTexts.describe('A text, or parts of one.'),
  }),
  z.looseObject({
    type: z.literal('function_call'),
    call_id: nonEmptyText.describe('What the output of the call refers to.'),
    name: nonEmptyText.describe('Of the tool.'),
    arguments: z.string().describe('JSON text.'),
  }),
  z.looseObject({
    type: z.literal('function_call_output'),
    call_id: nonEmptyText.describe('That of the call.'),
    output: InputTexts.describe('What the tool said: a text, or parts of one.'),
  }),
  z.looseObject({
    type: z.literal('reasoning'),
    summary: thoughts.describe('Read where there is no content.'),
    content: thoughts.describe('What the model thought.'),
  }),
  z.looseObject({
    type: z.literal('item_reference'),
    id: nonEmptyText.describe('Of an item that is stored.'),
  }),
]);

/** An item without a type is a message, or, where it has nothing but an id, a reference. */
function withType(item: unknown): unknown {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
  if ('type' in item && item.type != null) return item;
  const type = 'id' in item && !('role' in item) ? 'item_reference' : 'message';
  return { ...item, type };
}

export const InputItem = z.preprocess(withType, TypedItem);
export type InputItem = z.infer<typeof InputItem>;
