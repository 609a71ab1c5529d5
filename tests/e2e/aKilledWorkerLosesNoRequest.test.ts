import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBreaks } from '../support/tinyText.js';
import { childrenOf, startUp, type UpProcess } from '../support/upProcess.js';

const model = 'tiny-test';

function kill(pid: number | null | undefined): void {
  if (!pid) throw new Error('there is no process to kill');
  process.kill(pid, 'SIGKILL');
}

describe('a worker that is killed', () => {
  let up: UpProcess;
  let client: OpenAI;
  beforeAll(async () => {
    up = await startUp({ tiny: { endless: true }, args: ['--context', '4096', '--slots', '2'] });
    client = new OpenAI({ baseURL: `${up.url}/v1`, apiKey: 'none', maxRetries: 0 });
  });
  afterAll(() => up.cleanUp());

  const ask = (content: string, maxTokens: number) =>
    client.chat.completions.create({
      model,
      messages: [{ role: 'user', content }],
      temperature: 0,
      max_tokens: maxTokens,
    });

  async function nodeOf(id: string) {
    const node = (await up.status()).nodes.find((candidate) => candidate.id === id);
    if (!node?.pid) throw new Error(`${id} has no pid`);
    return { ...node, pid: node.pid };
  }

  it('is shown as gone, replaced within 10 s, and loses no request', async () => {
    const contents = Array.from({ length: 12 }, (_, index) => `question ${index}`);
    const before = await nodeOf('worker_1');
    // 4 of these run, the others wait.
    const disturbed = contents.map((content) => ask(content, 300));
    await expect.poll(async () => (await nodeOf('worker_1')).slots.busy, { interval: 5 }).toBe(2);
    kill(before.pid);
    const killedAt = performance.now();

    await expect.poll(async () => (await nodeOf('worker_1')).status, { interval: 5 }).toBe('offline');
    expect((await up.status()).status).toBe('ok');
    await expect
      .poll(() => nodeOf('worker_1'), { interval: 50, timeout: 10_000 })
      .toMatchObject({ status: 'healthy', pid: expect.not.toSatisfy((pid) => pid === before.pid) as number });
    expect(performance.now() - killedAt).toBeLessThan(10_000);

    for (const { choices, usage } of await Promise.all(disturbed)) {
      expect(findBreaks(choices[0]?.message.content ?? '')).toEqual([]);
      expect(usage?.completion_tokens).toBe(300);
    }
    expect((await up.status()).totals.errors).toBe(0);
  });

  it('does not break a stream either: no token twice, none missing', async () => {
    const stream = await client.chat.completions.create({
      model,
      messages: [{ role: 'user' as const, content: 'a long story' }],
      temperature: 0,
      max_tokens: 1510,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let completionTokens: number | undefined;
    let chunks = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      completionTokens = chunk.usage?.completion_tokens;
      if (++chunks !== 50) continue;
      const busy = (await up.status()).nodes.find(({ slots }) => slots.busy > 0);
      kill(busy?.pid);
    }
    expect(findBreaks(text)).toEqual([]);
    expect(completionTokens).toBe(1510);
    expect(up.output()).toMatch(/attempt failed.*willRetry=true/);
  });

  it('stays when the controller is killed, which comes back on its port', async () => {
    const { url } = up;
    await expect
      .poll(async () => (await up.status()).nodes.map(({ status }) => status), { timeout: 10_000 })
      .toEqual(['healthy', 'healthy']);
    const log = /controller ready/g;
    const startsBefore = up.output().match(log)?.length ?? 0;
    const workers = (await up.status()).nodes.map(({ pid }) => pid);
    const controller = (await childrenOf(up.child.pid ?? 0)).find((pid) => !workers.includes(pid));
    kill(controller);
    await expect.poll(() => up.output().match(log)?.length, { timeout: 10_000 }).toBe(startsBefore + 1);
    await expect
      .poll(async () => (await fetch(`${url}/health`)).status, { interval: 50, timeout: 10_000 })
      .toBe(200);
    await expect
      .poll(async () => (await up.status()).nodes.map(({ pid, status }) => [pid, status]), {
        timeout: 10_000,
      })
      .toEqual(workers.map((pid) => [pid, 'healthy']));
    expect((await ask('still there?', 5)).choices).toHaveLength(1);
  });
});
