import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { expect, it, onTestFinished } from 'vitest';
import { startProcess, type RunningProcess } from '../../chaos/support/childProcess.js';
import { findFreePort } from '../support/freePort.js';
import { defaultKeySettings } from '../../src/protocol/apiKeys.js';
import type { UsageCounts } from '../../src/protocol/usage.js';
import { openSharedStores } from '../../src/stores/openStores.js';
import { eventually } from '../support/eventually.js';
import { startFakeWorker } from '../support/fakeWorker.js';
import { answer } from '../support/workerScripts.js';

const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));
const kills = Number(process.env['KILLS'] ?? 4);
const clientsAtOnce = 16;
const answersUntilKill = 500;
const [promptTokens, cachedTokens] = [11, 3];
const tokens = ['a', 'b', 'c', 'd', 'e'];

type Tokens = Pick<UsageCounts, 'promptTokens' | 'cachedTokens' | 'completionTokens'>;

/** What the official answers say of themselves: of JSON, or of the last but one frame of a stream that is whole. */
function readUsage(text: string, isStream: boolean): Tokens | undefined {
  const frames = text.split('\n\n').filter(Boolean);
  if (isStream && frames.at(-1) !== 'data: [DONE]') return undefined;
  const json = isStream ? (frames.at(-2) ?? '').slice('data: '.length) : text;
  const { usage } = JSON.parse(json) as {
    usage: {
      prompt_tokens: number;
      completion_tokens: number;
      prompt_tokens_details: { cached_tokens: number };
    };
  };
  return {
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details.cached_tokens,
    completionTokens: usage.completion_tokens,
  };
}

it('of the controller: what clients got whole is stored, and hardly more', { timeout: 300_000 }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-usage-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dataDir = path.join(folder, 'data');
  const stores = openSharedStores(path.join(dataDir, 'controller'));
  onTestFinished(stores.close);
  const { key, text: apiKey } = stores.keys.create({
    ...defaultKeySettings,
    name: 'load',
    tokensPerMinute: 1e9,
  });
  const script = answer(tokens, { promptTokens, cachedTokens });
  const worker = await startFakeWorker({ slots: clientsAtOnce, script });
  onTestFinished(() => worker.kill());
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  worker.join(url);

  const whole = { answers: 0, promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  let unfinished = 0;

  async function ask(agent: Agent, isStream: boolean): Promise<void> {
    unfinished++;
    const response = await request(`${url}/v1/chat/completions`, {
      dispatcher: agent,
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'test-model',
        messages: [{ role: 'user', content: 'Hi' }],
        ...(isStream && { stream: true, stream_options: { include_usage: true } }),
      }),
    });
    const text = await response.body.text();
    expect(response.statusCode).toBe(200);
    const usage = readUsage(text, isStream);
    if (!usage) throw new Error('the stream was cut');
    unfinished--;
    whole.answers++;
    whole.promptTokens += usage.promptTokens;
    whole.cachedTokens += usage.cachedTokens;
    whole.completionTokens += usage.completionTokens;
  }

  for (let kill = 0; kill < kills; kill++) {
    const controller: RunningProcess = startProcess({
      file: process.execPath,
      args: [
        ...[program, 'controller', '--port', `${port}`, '--workers', '1'],
        ...['--data-dir', dataDir, '--log-dir', path.join(folder, 'logs')],
      ],
      logFile: path.join(folder, 'controller.log'),
    });
    try {
      await eventually(async () => expect((await request(`${url}/health`)).statusCode).toBe(200), {
        timeout: 30_000,
      });
      const agent = new Agent({ connections: clientsAtOnce });
      // In the middle of the answers that follow, at another place each time.
      const fatal = whole.answers + answersUntilKill + Math.floor(Math.random() * 50);
      const client = async (index: number) => {
        for (let count = index; ; count++) {
          await ask(agent, count % 2 === 0);
          if (whole.answers >= fatal) controller.kill('SIGKILL');
        }
      };
      await Promise.allSettled(Array.from({ length: clientsAtOnce }, (_, index) => client(index)));
      await agent.destroy();
      expect(whole.answers).toBeGreaterThanOrEqual(fatal);
    } finally {
      controller.kill('SIGKILL');
      await controller.exited;
    }

    const stored = stores.usage.total({ key: key.id });
    const extra = stored.requests - whole.answers;
    expect(stored.errors).toBe(0);
    expect(extra).toBeGreaterThanOrEqual(0);
    expect(extra).toBeLessThanOrEqual(unfinished);
    // Each of those that were in flight is there as a whole, or not at all.
    expect(stored).toEqual({
      requests: whole.answers + extra,
      errors: 0,
      promptTokens: whole.promptTokens + extra * promptTokens,
      cachedTokens: whole.cachedTokens + extra * cachedTokens,
      completionTokens: whole.completionTokens + extra * tokens.length,
    });
    expect(unfinished).toBeLessThanOrEqual((kill + 1) * clientsAtOnce);
  }
});
