import OpenAI from 'openai';
import { expect, it, onTestFinished } from 'vitest';
import { startUp } from '../support/upProcess.js';

it('a request whose workers are killed before its first token, two in a row, is answered', async () => {
  const up = await startUp({ tiny: { endless: true }, args: ['--context', '4096', '--slots', '2'] });
  onTestFinished(() => up.cleanUp());
  const client = new OpenAI({ baseURL: `${up.url}/v1`, apiKey: 'none', maxRetries: 0 });
  const { nodes } = await up.status();
  for (const { pid } of nodes) process.kill(pid ?? NaN, 'SIGSTOP');
  const answer = client.chat.completions.create({
    model: 'tiny-test',
    messages: [{ role: 'user', content: 'a question' }],
    temperature: 0,
    max_tokens: 5,
  });

  const dead: string[] = [];
  while (dead.length < 2) {
    const whoHasIt = async () =>
      (await up.status()).nodes.find(({ id, slots }) => slots.busy > 0 && !dead.includes(id));
    await expect.poll(whoHasIt, { interval: 5, timeout: 4_000 }).toBeDefined();
    const node = await whoHasIt();
    process.kill(node?.pid ?? NaN, 'SIGKILL');
    dead.push(node?.id ?? '');
  }

  expect((await answer).choices).toHaveLength(1);
  expect(up.output()).not.toContain('request quarantined');
});
