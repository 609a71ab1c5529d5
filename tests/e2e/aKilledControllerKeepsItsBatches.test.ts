import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BatchResult } from '../../src/protocol/openai/batches.js';
import { eventually } from '../support/eventually.js';
import { childrenOf, startUp, type UpProcess } from '../support/upProcess.js';

let up: UpProcess;
let client: OpenAI;
beforeAll(async () => {
  up = await startUp({ tiny: { endless: true }, args: ['--context', '1024', '--slots', '2'] });
  client = new OpenAI({ baseURL: `${up.url}/v1`, apiKey: 'none', maxRetries: 5 });
});
afterAll(() => up.cleanUp());

async function controllerPid(): Promise<number> {
  const workers = (await up.status()).nodes.map(({ pid }) => pid);
  const others = (await childrenOf(up.child.pid as number)).filter((pid) => !workers.includes(pid));
  expect(others).toHaveLength(1);
  return others[0] as number;
}

it('and goes on with them when it is back: every line is answered once', async () => {
  const url = '/v1/chat/completions';
  const ids = Array.from({ length: 40 }, (_, index) => `request-${index}`);
  const lines = ids.map((custom_id) => {
    const messages = [{ role: 'user', content: custom_id }];
    return { custom_id, method: 'POST', url, body: { model: 'tiny-test', messages, max_tokens: 40 } };
  });
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const file = await client.files.create({
    file: await toFile(Buffer.from(text), 'in.jsonl'),
    purpose: 'batch',
  });
  const { id } = await client.batches.create({
    input_file_id: file.id,
    endpoint: url,
    completion_window: '24h',
  });

  let before = 0;
  await eventually(
    async () => {
      before = (await client.batches.retrieve(id)).request_counts?.completed ?? 0;
      expect(before).toBeGreaterThanOrEqual(3);
    },
    { timeout: 30_000 },
  );
  process.kill(await controllerPid(), 'SIGKILL');

  const after = await eventually(() => client.batches.retrieve(id), { timeout: 30_000 });
  expect(after.request_counts?.completed).toBeGreaterThanOrEqual(before);
  const batch = await eventually(
    async () => {
      const current = await client.batches.retrieve(id);
      expect(current.status).toBe('completed');
      return current;
    },
    { timeout: 60_000, interval: 100 },
  );
  expect(batch.request_counts).toEqual({ total: 40, completed: 40, failed: 0 });
  const output = await (await client.files.content(batch.output_file_id ?? '')).text();
  const results = output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as BatchResult);
  expect(results.map(({ custom_id }) => custom_id)).toEqual(ids);
  for (const { response } of results)
    expect(response).toMatchObject({ status_code: 200, body: { usage: { completion_tokens: 40 } } });
}, 120_000);
