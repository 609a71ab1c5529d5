import { startFakeWorker } from '../tests/support/fakeWorker.js';
import { answer } from '../tests/support/workerScripts.js';
import { workload, type BenchMessage } from './workload.js';

/** The fake worker of the benchmark, in a process of its own. */
const { model, slots, tokens, tokensPerSecond } = workload;
const texts = Array.from({ length: tokens }, (_, index) => ` word${index}`);
const worker = await startFakeWorker({ models: [model], slots, script: answer(texts, { tokensPerSecond }) });

process.on('message', (message: BenchMessage) => {
  if (message.type === 'join') worker.join(message.controllerUrl);
});
process.on('disconnect', () => process.exit());
process.send?.({ type: 'listening', url: worker.url } satisfies BenchMessage);
