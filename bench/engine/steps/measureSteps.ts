import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ContenderOptions } from '../contender.js';
import type { Prompts } from '../prompts.js';
import { mean, median, quantile } from '../../support/statistics.js';
import type { StepsReport, StepsRequest } from './stepMessages.js';

const processFile = fileURLToPath(new URL('./stepsProcess.js', import.meta.url));
const promptTokens = 32;

export interface StepsOptions extends Pick<ContenderOptions, 'modelPath' | 'threads' | 'contextTokens'> {
  readonly rounds: number;
  readonly arrivingTokens: number;
  readonly decodedTokens: number;
}

/**
 * Takes the steps of the worker's scheduler apart, in a process of its own.
 *
 * @throws where the process ends without a report.
 */
export async function measureSteps(prompts: Prompts, options: StepsOptions): Promise<StepsReport> {
  const { modelPath, threads, contextTokens, rounds, arrivingTokens, decodedTokens } = options;
  const child = fork(processFile, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // As src/cli/main.cts sets it for a worker.
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  const request: StepsRequest = {
    ...{ modelPath, threads, contextTokens, rounds, decodedTokens },
    prompts: Array.from({ length: rounds }, (_, round) => ({
      decoders: Array.from({ length: 8 }, (_, index) => [
        ...prompts.toTokens(`steps/${round}/${index}`, promptTokens),
      ]),
      long: prompts.toTokens(`steps/${round}/long`, arrivingTokens),
    })),
  };
  child.send(request);
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process that takes steps apart ended with ${String(code)}`);
  });
  const [report] = (await Promise.race([once(child, 'message'), ended])) as [StepsReport];
  ended.catch(() => undefined);
  return report;
}

/** The scheduler's own time as a share of the time from one step of eight decoders to the next. */
export function schedulerShare({ betweenStepsMs, eightDecodersMs }: StepsReport): number {
  const own = mean(betweenStepsMs);
  return own / (own + mean(eightDecodersMs));
}

/** One row a kind of step. */
export function toStepRows(report: StepsReport): Record<string, string>[] {
  const toRow = (what: string, values: readonly number[]) => ({
    step: what,
    steps: `${values.length}`,
    'median, ms': median(values).toFixed(2),
    'p99, ms': quantile(values, 0.99).toFixed(2),
  });
  return [
    toRow(`a chunk of the budget (${report.budgetTokens} tokens) alone`, report.chunkMs),
    toRow('4 decoders alone', report.fourDecodersMs),
    toRow('4 decoders and a chunk', report.mixedMs),
    toRow('8 decoders', report.eightDecodersMs),
    toRow('between two steps of 8 decoders', report.betweenStepsMs),
  ];
}
