import { z } from 'zod';
import { OutputItem, OutputText, ReasoningText, TextLogprobs } from './items.js';
import { ResponseObject } from './response.js';

/** What a streamed response consists of, in the order in which it can come. */

const numbered = { sequence_number: z.int().min(0) };
const ofItem = { ...numbered, output_index: z.int().min(0), item_id: z.string() };
const ofPart = { ...ofItem, content_index: z.int().min(0) };

const lifecycle = <const T extends string>(type: T) =>
  z.strictObject({ type: z.literal(type), ...numbered, response: ResponseObject });
const itemEvent = <const T extends string>(type: T) =>
  z.strictObject({ type: z.literal(type), ...numbered, output_index: z.int().min(0), item: OutputItem });
const partEvent = <const T extends string>(type: T) =>
  z.strictObject({
    type: z.literal(type),
    ...ofPart,
    part: z.discriminatedUnion('type', [OutputText, ReasoningText]),
  });

export const ResponseEvent = z.discriminatedUnion('type', [
  lifecycle('response.created'),
  lifecycle('response.in_progress'),
  itemEvent('response.output_item.added'),
  partEvent('response.content_part.added'),
  z.strictObject({
    type: z.literal('response.output_text.delta'),
    ...ofPart,
    delta: z.string(),
    logprobs: TextLogprobs,
  }),
  z.strictObject({
    type: z.literal('response.output_text.done'),
    ...ofPart,
    text: z.string(),
    logprobs: TextLogprobs,
  }),
  z.strictObject({ type: z.literal('response.reasoning_text.delta'), ...ofPart, delta: z.string() }),
  z.strictObject({ type: z.literal('response.reasoning_text.done'), ...ofPart, text: z.string() }),
  partEvent('response.content_part.done'),
  z.strictObject({ type: z.literal('response.function_call_arguments.delta'), ...ofItem, delta: z.string() }),
  z.strictObject({
    type: z.literal('response.function_call_arguments.done'),
    ...ofItem,
    name: z.string(),
    arguments: z.string(),
  }),
  itemEvent('response.output_item.done'),
  lifecycle('response.completed'),
  lifecycle('response.incomplete'),
  lifecycle('response.failed'),
]);
export type ResponseEvent = z.infer<typeof ResponseEvent>;

type WithoutNumber<Event> = Event extends unknown ? Omit<Event, 'sequence_number'> : never;

/** An event before it has its place in the stream. */
export type UnnumberedEvent = WithoutNumber<ResponseEvent>;
