import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { suspectAfterMs } from '../../../src/cluster/workerState.js';
import type { CountResponse } from '../../../src/protocol/count.js';
import type { GenerationFailure } from '../../../src/protocol/generation.js';
import { internalPaths } from '../../../src/protocol/workerApi.js';
import { toRequest, toTextRequest } from '../../support/generate.js';
import { startTinyWorker, type TinyWorker } from '../../support/tinyWorker.js';

const long = 'Once upon a time there were too many words. '.repeat(200_000);

describe('a prompt of nine megabytes', () => {
  let worker: TinyWorker;
  beforeAll(async () => {
    worker = await startTinyWorker();
  });
  afterAll(() => worker.close());

  /** The answer, and the longest time in which the worker could do nothing else. */
  async function call(path: string, body: object) {
    const histogram = monitorEventLoopDelay({ resolution: 10 });
    histogram.enable();
    const answer = await worker.call<CountResponse>(path, body);
    histogram.disable();
    return { answer, longestMs: histogram.max / 1e6 };
  }

  const { messages, tools, toolChoice, templateOptions } = toRequest(long);
  const chat = { messages, tools, toolChoice, templateOptions };

  it.each([
    ['a text', internalPaths.generate, toTextRequest(long)],
    ['a chat', internalPaths.generate, toRequest(long)],
    ['a chat to be tokenized', internalPaths.tokenize, { model: 'tiny', chat }],
  ])('is refused without being tokenized as a whole: %s', async (_kind, path, body) => {
    const { answer, longestMs } = await call(path, body);
    expect(answer.status).toBe(400);
    const { code, message } = answer.body as GenerationFailure;
    expect(code).toBe('context_length_exceeded');
    expect(message).toContain('your prompt has more than 4096 tokens');
    expect(longestMs).toBeLessThan(suspectAfterMs);
  });

  it('is counted while other work goes on', async () => {
    const { answer, longestMs } = await call(internalPaths.count, { model: 'tiny', ...chat });
    expect((answer.body as CountResponse).promptTokens).toBeGreaterThan(1_000_000);
    expect(longestMs).toBeLessThan(suspectAfterMs);
  });
});
