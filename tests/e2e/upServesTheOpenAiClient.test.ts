import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUp, type UpProcess } from '../support/upProcess.js';

const messages = [{ role: 'user' as const, content: 'Hello' }];
const model = 'tiny-test';

describe('ai-cluster up and the official client', () => {
  let up: UpProcess;
  let client: OpenAI;
  beforeAll(async () => {
    up = await startUp({ tiny: { endless: true }, args: ['--context', '16384'] });
    client = new OpenAI({ baseURL: `${up.url}/v1`, apiKey: 'none', maxRetries: 0 });
  });
  afterAll(() => up.cleanUp());

  it('lists the model and answers a chat', async () => {
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toEqual([model]);
    expect((await client.models.retrieve(model)).id).toBe(model);

    const answer = await client.chat.completions.create({ model, messages, temperature: 0, max_tokens: 30 });
    expect(answer.choices[0]?.message.content?.length).toBeGreaterThan(30);
    expect(answer.choices[0]?.finish_reason).toBe('length');
    expect(answer.usage).toMatchObject({ completion_tokens: 30 });
    expect(answer._request_id).toMatch(/^req_/);
  });

  it('streams the same text, and the usage when asked', async () => {
    const parameters = { model, messages, temperature: 0, max_tokens: 30 };
    const whole = await client.chat.completions.create(parameters);
    const stream = await client.chat.completions.create({
      ...parameters,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 30 } });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);

    const helper = client.chat.completions.stream(parameters);
    expect((await helper.finalChatCompletion()).choices[0]?.message.content).toBe(text);
  });

  it('frees the slot within 500 ms when the client leaves in the middle of a stream', async () => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    let seen = 0;
    for await (const _chunk of stream) if (++seen === 5) break;
    const leftAt = performance.now();
    await expect
      .poll(async () => (await up.status()).nodes.map(({ slots }) => slots.busy), {
        interval: 20,
        timeout: 5_000,
      })
      .toEqual([0, 0]);
    expect(performance.now() - leftAt).toBeLessThan(500);
  });

  it('gives requests to both workers', async () => {
    await Promise.all(
      Array.from({ length: 8 }, () => client.chat.completions.create({ model, messages, max_tokens: 5 })),
    );
    const metrics = await (await fetch(`${up.url}/metrics`)).text();
    for (const node of ['worker_1', 'worker_2']) {
      const pattern = new RegExp(
        `inference_duration_seconds_count\\{model="${model}",node_id="${node}"\\} ([1-9]\\d*)`,
      );
      expect(metrics).toMatch(pattern);
    }
  });
});
