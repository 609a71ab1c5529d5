import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { childrenOf, isAlive, startUp, type UpProcess } from '../support/upProcess.js';

describe('stopping', () => {
  let up: UpProcess;
  afterEach(() => up.cleanUp());

  async function startStream(maxTokens: number) {
    const client = new OpenAI({ baseURL: `${up.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const stream = await client.chat.completions.create({
      model: 'tiny-test',
      messages: [{ role: 'user', content: 'Hello' }],
      stream: true,
      max_tokens: maxTokens,
    });
    const chunks = stream[Symbol.asyncIterator]();
    for (let count = 0; count < 5; count++) await chunks.next();
    return chunks;
  }

  async function finishReason(chunks: AsyncIterator<OpenAI.ChatCompletionChunk>) {
    let last: string | null | undefined;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      last = next.value.choices[0]?.finish_reason;
    }
    return last;
  }

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s lets a stream end well and leaves nothing behind',
    async (signal) => {
      up = await startUp({ tiny: { endless: true }, args: ['--context', '4096'] });
      const pids = await childrenOf(up.child.pid ?? 0);
      expect(pids).toHaveLength(3);
      const chunks = await startStream(1000);
      // As a terminal does: Ctrl-C reaches every process of the group.
      if (signal === 'SIGINT') for (const pid of pids) process.kill(pid, 'SIGINT');
      const exitCode = up.stop(signal);
      await expect.poll(async () => (await fetch(`${up.url}/ready`)).status, { interval: 5 }).toBe(503);
      const refused = await fetch(`${up.url}/v1/chat/completions`, { method: 'POST' });
      expect(refused.status).toBe(503);

      expect(await finishReason(chunks)).toBe('length');
      expect(await exitCode).toBe(0);
      expect(await Promise.all(pids.map(isAlive))).toEqual([false, false, false]);
      await expect(fetch(`${up.url}/health`)).rejects.toThrow();
      // The controller stops first: for its workers that is nothing to worry about.
      expect(up.output()).not.toContain('could not join');
    },
  );

  it('a second signal ends everything at once', async () => {
    up = await startUp({ tiny: { endless: true }, args: ['--context', '16384'] });
    const pids = await childrenOf(up.child.pid ?? 0);
    const chunks = await startStream(16_000);
    up.child.kill('SIGTERM');
    await expect.poll(() => up.output()).toContain('stopping');
    expect(await up.stop('SIGTERM')).toBe(1);
    await expect(finishReason(chunks)).rejects.toThrow();
    await expect.poll(() => Promise.all(pids.map(isAlive))).toEqual([false, false, false]);
  });

  it('a supervisor that is killed takes its processes with it', async () => {
    up = await startUp({ tiny: {} });
    const pids = await childrenOf(up.child.pid ?? 0);
    await up.stop('SIGKILL');
    await expect.poll(() => Promise.all(pids.map(isAlive))).toEqual([false, false, false]);
  });
});
