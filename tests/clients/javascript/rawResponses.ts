import { expect } from 'vitest';
import { scriptedModel } from '../../support/liveCluster.js';
import { tinyChat, user, type Behaviour } from './behaviour.js';

function expectHeaders(headers: Headers): void {
  expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
  expect(headers.get('openai-processing-ms')).toMatch(/^\d+$/);
  expect(headers.get('openai-version')).toBe('2020-10-01');
}

export const rawResponses: readonly Behaviour[] = [
  {
    name: 'reads the headers of an answer beside it',
    async run({ client }) {
      const asked = client.chat.completions.create(tinyChat);
      const { data, response, request_id: requestId } = await asked.withResponse();
      expectHeaders(response.headers);
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(requestId).toBe(response.headers.get('x-request-id'));
      expect(data).toHaveProperty('_request_id', requestId);
    },
  },
  {
    name: 'reads the headers of a stream, and the stream itself',
    async run({ client }) {
      const body = { model: scriptedModel, messages: user('Say hello.'), stream: true } as const;
      const { data, response } = await client.chat.completions.create(body).withResponse();
      expectHeaders(response.headers);
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      let text = '';
      for await (const chunk of data) text += chunk.choices[0]?.delta.content ?? '';
      expect(text).toBe('Hello wörld 🦙');

      const raw = await client.chat.completions.create(body).asResponse();
      expect(await raw.text()).toMatch(/data: \[DONE\]\n\n$/);
    },
  },
];
