import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startUp, type UpProcess } from '../support/upProcess.js';

const model = 'smollm2-135m-instruct';
const file = path.resolve('models/SmolLM2-135M-Instruct.Q4_1.gguf');
const isRequired = process.env['CI'] === 'true';
const isSkipped = !existsSync(file) && !isRequired;

describe.skipIf(isSkipped)(
  `the real model (skipped where ${path.basename(file)} is not in models/: make model)`,
  () => {
    let up: UpProcess;
    let client: OpenAI;
    beforeAll(async () => {
      up = await startUp({ args: ['--model', model] });
      client = new OpenAI({ baseURL: `${up.url}/v1`, apiKey: 'none', maxRetries: 0 });
    });
    afterAll(() => up.cleanUp());

    const question = {
      model,
      temperature: 0,
      max_tokens: 40,
      messages: [
        { role: 'user' as const, content: 'What is the capital of France? Answer in one sentence.' },
      ],
    };

    it('answers in English', async () => {
      const answer = await client.chat.completions.create(question);
      expect(answer.choices[0]?.message.content).toContain('Paris');
      expect(answer.choices[0]?.finish_reason).toBe('stop');
      expect(answer.usage?.prompt_tokens).toBeGreaterThan(20);
    });

    it('answers the same in a stream', async () => {
      let text = '';
      for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? '';
      }
      expect(text).toContain('Paris');
    });

    it('answers the curl that it printed', () => {
      const curl = /curl http[\s\S]*?; echo/.exec(up.output())?.[0] ?? '';
      const { stdout } = spawnSync('bash', ['-c', curl], { encoding: 'utf8' });
      expect(stdout).toMatch(/\}\n$/);
      const answer = JSON.parse(stdout) as OpenAI.ChatCompletion;
      expect(answer.choices[0]?.message.content).toContain('Paris');
    });

    it('logs a line for each request, without a word of it', async () => {
      const logs = path.join(up.folder, 'logs', 'combined.log');
      await expect.poll(() => readFile(logs, 'utf8')).toContain('"message":"request"');
      const text = await readFile(logs, 'utf8');
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const request = lines.find((line) => line['message'] === 'request' && line['outcome'] === 'success');
      expect(request).toMatchObject({ keyId: 'anonymous', model, status: 200, process: 'controller' });
      expect(request).toHaveProperty('completionTokens');
      expect(text).not.toMatch(/capital of France|Paris/);
    });
  },
);
