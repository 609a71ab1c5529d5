import { describe, expect, it } from 'vitest';
import { formatSseFrame, sseDone, sseKeepalive } from '../../../src/protocol/sse.js';

describe('a frame of a server-sent event stream', () => {
  it('is one data line of JSON and an empty line', () => {
    expect(formatSseFrame({ data: { a: 1 } })).toBe('data: {"a":1}\n\n');
  });

  it.each(['two\nlines', 'two\r\nlines', 'an empty\n\nline', 'data: [DONE]\n\n', 'ünï 🙂 \u2028'])(
    'stays one line and comes back the same for %j',
    (text) => {
      const frame = formatSseFrame({ data: { text } });
      expect(frame.endsWith('\n\n')).toBe(true);
      expect(frame.slice(0, -2)).not.toMatch(/[\r\n]/);
      expect(JSON.parse(frame.slice('data: '.length))).toEqual({ text });
    },
  );

  it('has a name where its kind is not a message', () => {
    expect(formatSseFrame({ event: 'error', data: { a: 1 } })).toBe('event: error\ndata: {"a":1}\n\n');
  });

  it('ends a stream as OpenAI does', () => {
    expect(formatSseFrame(sseDone)).toBe('data: [DONE]\n\n');
  });

  it('keeps a connection awake with a comment', () => {
    expect(sseKeepalive).toMatch(/^:[^\n]*\n\n$/);
  });
});
