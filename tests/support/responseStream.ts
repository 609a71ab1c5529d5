import { expect } from 'vitest';
import { ResponseEvent } from '../../src/protocol/openai/responses/events.js';
import type { ResponseObject } from '../../src/protocol/openai/responses/response.js';
import { openSse } from './sseStream.js';

/** The events of frames: each checked against its schema, named as its type, numbered one after another. */
export function eventsOf(frames: readonly string[], first = 0): ResponseEvent[] {
  const events = frames.filter((frame) => !frame.startsWith(':')).map(parseFrame);
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, i) => first + i));
  return events;
}

function parseFrame(frame: string): ResponseEvent {
  const [, name, data] = /^event: (\S+)\ndata: (.*)$/.exec(frame) ?? [];
  if (name === undefined || data === undefined) throw new Error(`no named frame: ${frame}`);
  const event: unknown = JSON.parse(data);
  const parsed = ResponseEvent.parse(event);
  expect(parsed).toEqual(event);
  expect(parsed.type).toBe(name);
  return parsed;
}

/** All events of a new response. */
export async function streamResponse(url: string, body: object): Promise<ResponseEvent[]> {
  const stream = await openSse(`${url}/v1/responses`, { model: 'test-model', ...body, stream: true });
  const frames = await stream.rest();
  expect([stream.status, frames[0]]).toMatchObject([200, expect.any(String)]);
  return eventsOf(frames);
}

/** The response with which the stream ended. */
export function lastResponse(events: readonly ResponseEvent[]): ResponseObject {
  const last = events.at(-1);
  if (!last || !('response' in last)) throw new Error(`the stream ended with ${last?.type}`);
  return last.response;
}

/** Events in short: the type without `response.`, and what is new in it. */
export function summarize(events: readonly ResponseEvent[]): string[] {
  return events.map((event) => {
    const name = event.type.replace('response.', '');
    if ('delta' in event) return `${name} ${event.output_index} ${event.delta}`;
    if ('text' in event) return `${name} ${event.output_index} ${event.text}`;
    if ('arguments' in event) return `${name} ${event.output_index} ${event.name} ${event.arguments}`;
    if ('part' in event) return `${name} ${event.output_index} ${event.part.type} ${event.part.text}`;
    if ('item' in event) return `${name} ${event.output_index} ${event.item.type} ${event.item.status}`;
    return `${name} ${event.response.status} ${event.response.output.length}`;
  });
}
