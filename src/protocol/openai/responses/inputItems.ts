import { z } from 'zod';

/** `input` of a response as clients send it: loose, because they send back items with newer fields. */

const InputPart = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('input_text'), text: z.string() }),
  z.looseObject({ type: z.literal('output_text'), text: z.string() }),
  z.looseObject({ type: z.literal('refusal'), refusal: z.string() }),
]);

export const InputTexts = z.union([z.string(), z.array(InputPart)]);
export type InputTexts = z.infer<typeof InputTexts>;

const Thought = z.looseObject({ text: z.string() });

const TypedItem = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('message'),
    role: z.enum(['user', 'assistant', 'system', 'developer']),
    content: InputTexts,
  }),
  z.looseObject({
    type: z.literal('function_call'),
    call_id: z.string().min(1),
    name: z.string().min(1),
    arguments: z.string(),
  }),
  z.looseObject({
    type: z.literal('function_call_output'),
    call_id: z.string().min(1),
    output: InputTexts,
  }),
  z.looseObject({
    type: z.literal('reasoning'),
    summary: z.array(Thought).nullish(),
    content: z.array(Thought).nullish(),
  }),
  z.looseObject({ type: z.literal('item_reference'), id: z.string().min(1) }),
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
