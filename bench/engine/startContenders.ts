import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Contender, ContenderName, RunningContender } from './contender.js';
import { llamaServerContender } from './llamaServerContender.js';
import { measureIdleCpu, type MemoryRow } from './memory.js';
import type { BenchOptions } from './options.js';
import { plainLoopContender } from './plainLoopContender.js';
import type { Prompts } from './prompts.js';
import { workerContender } from './workerContender.js';

const contenders: Readonly<Record<ContenderName, Contender>> = {
  worker: workerContender,
  plain: plainLoopContender,
  'llama-server': llamaServerContender,
};

const warmUp = { promptTokens: 32, tokens: 32 } as const;

export interface StartedContenders {
  /** Paused. */
  readonly running: readonly RunningContender[];
  /** What they take now. */
  readMemory(): readonly MemoryRow[];
  close(): Promise<void>;
}

/**
 * Starts the contenders one after another. Each loads the model, answers as many requests at once as it will have to
 * later, is watched while it has nothing to do, and is then paused.
 */
export async function startContenders(
  names: readonly ContenderName[],
  options: BenchOptions,
  prompts: Prompts,
): Promise<StartedContenders> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const started: { contender: RunningContender; row: Omit<MemoryRow, 'atEnd'> }[] = [];
  for (const name of names) {
    console.log(`starting ${name}`);
    const contender = await contenders[name].start({ ...options, folder });
    const afterLoad = contender.readMemory();
    await Promise.all(
      Array.from({ length: options.slots }, (_, index) => {
        const prompt = prompts.toTokens(`warm-up/${index}`, warmUp.promptTokens);
        return contender.complete({ prompt, tokens: warmUp.tokens });
      }),
    );
    const idleCpuShare = await measureIdleCpu(contender);
    contender.pause();
    started.push({ contender, row: { contender: name, afterLoad, idleCpuShare } });
  }
  return {
    running: started.map(({ contender }) => contender),
    readMemory: () => started.map(({ contender, row }) => ({ ...row, atEnd: contender.readMemory() })),
    close: async () => {
      await Promise.all(started.map(({ contender }) => contender.close()));
    },
  };
}
