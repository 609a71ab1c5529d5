import { createChatPrompt } from '../../../src/worker/chat/chatPrompt.js';
import { startLlamaRuntime } from '../../../src/worker/engine/llamaRuntime.js';
import { measureStepBudget } from '../../../src/worker/scheduler/measureStepBudget.js';
import { createScheduler } from '../../../src/worker/scheduler/scheduler.js';
import { createSlotCaches } from '../../../src/worker/scheduler/slotCaches.js';
import { toTextRequest } from '../workerContender.js';
import type { StepsReport, StepsRequest } from './stepMessages.js';
import { durationOf, isDecoding, readPauses, watchSteps, type WatchedStep } from './watchSteps.js';

/**
 * The worker's engine and scheduler without their process and their HTTP, to see the single steps: where the time of
 * a step goes cannot be told from outside, and the product does not carry clocks for it.
 */

const modelId = 'bench';
const mostDecoders = 8;

async function takeApart(request: StepsRequest): Promise<StepsReport> {
  const { modelPath, threads, contextTokens, decodedTokens } = request;
  const runtime = await startLlamaRuntime({ threads, gpu: 'off', onLog: () => undefined });
  const loaded = await runtime.loadEngine({
    ...{ modelId, modelPath, contextTokens, threads, slots: mostDecoders, gpuLayers: undefined },
  });
  const budget = await measureStepBudget(loaded);
  const chunkMs: number[] = [];
  for (const { long } of request.prompts) {
    for (let start = 0; start < long.length; start += budget.besideDecodersTokens) {
      const tokens = long.slice(start, start + budget.besideDecodersTokens);
      const beganAt = performance.now();
      await loaded.step([{ slot: 0, tokens }]);
      if (tokens.length === budget.besideDecodersTokens) chunkMs.push(performance.now() - beganAt);
    }
    loaded.truncate(0, 0);
  }

  const { engine, steps } = watchSteps(loaded);
  const caches = createSlotCaches(engine, undefined);
  const scheduler = createScheduler({ engine, prompt: createChatPrompt(engine), caches, budget });

  async function generate(prompt: readonly number[], tokens: number, onFirst?: () => void): Promise<void> {
    const { signal } = new AbortController();
    const submission = scheduler.submit(toTextRequest(modelId, { prompt, tokens }), signal);
    if (submission.kind === 'refused') throw new Error(submission.failure.message);
    let outputs = 0;
    for await (const event of submission.events as AsyncIterable<{ type: string }>)
      if (event.type === 'output' && outputs++ === 0) onFirst?.();
  }

  async function runDecoders(prompts: readonly number[][], long?: readonly number[]): Promise<WatchedStep[]> {
    steps.length = 0;
    let arrived: Promise<void> | undefined;
    let waiting = prompts.length;
    const onFirst = () => {
      if (--waiting === 0 && long) arrived = generate(long, 1);
    };
    await Promise.all(prompts.map((prompt) => generate(prompt, decodedTokens, onFirst)));
    await arrived;
    await scheduler.whenIdle();
    return [...steps];
  }

  const alone: WatchedStep[] = [];
  const mixed: WatchedStep[] = [];
  const eight: WatchedStep[] = [];
  for (const { decoders, long } of request.prompts) {
    alone.push(...(await runDecoders(decoders.slice(0, 4))));
    mixed.push(...(await runDecoders(decoders.slice(0, 4), long)));
    eight.push(...(await runDecoders([...decoders])));
  }
  await engine.dispose();
  await runtime.dispose();
  const isMixed = ({ tokens }: WatchedStep) => tokens.length === 5 && Math.max(...tokens) > 1;
  return {
    budgetTokens: budget.besideDecodersTokens,
    chunkMs,
    fourDecodersMs: alone.filter((step) => isDecoding(step, 4)).map(durationOf),
    eightDecodersMs: eight.filter((step) => isDecoding(step, mostDecoders)).map(durationOf),
    mixedMs: mixed.filter(isMixed).map(durationOf),
    betweenStepsMs: readPauses(eight, mostDecoders),
  };
}

process.once('message', (request: StepsRequest) => {
  void takeApart(request).then((report) => process.send?.(report, () => process.disconnect()));
});
process.once('disconnect', () => process.exit());
