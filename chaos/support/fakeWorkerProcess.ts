import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startFakeWorker, type WorkerCall } from '../../tests/support/fakeWorker.js';
import { tokenIdOf } from '../../tests/support/workerScripts.js';
import { Asked, chaosModel, toToken } from './asked.js';

/**
 * A worker without a model as a process of its own, which can be killed, stopped and restarted like a real one. It
 * gives every request the answer that it asks for ({@link Asked}), resumes, shows life each second, and on SIGTERM lets
 * its streams end. Prints `ready` when it listens.
 */
const { values: flags } = parseArgs({
  options: {
    'node-id': { type: 'string', default: 'worker_1' },
    port: { type: 'string', default: '0' },
    controller: { type: 'string', default: '' },
    slots: { type: 'string', default: '32' },
    'advertise-url': { type: 'string' },
    /** This share of requests is answered 500. */
    failing: { type: 'string', default: '0' },
    /** Answers with one line that is so long. */
    'line-megabytes': { type: 'string', default: '0' },
  },
});

const signsOfLifeMs = 1_000;
const failing = Number(flags.failing);
const lineMegabytes = Number(flags['line-megabytes']);

let isDraining = false;

async function script(call: WorkerCall): Promise<void> {
  if (isDraining) return call.refuse(503, { code: 'draining', message: 'stopping', retryable: true });
  const asked = readAsked(call);
  const { resumeTokens } = call.request;
  if (Math.random() < failing) {
    return call.refuse(500, { code: 'engine_failed', message: 'scripted failure', retryable: true });
  }
  if (lineMegabytes > 0) return call.sendLine('x'.repeat(lineMegabytes * 1_000_000));
  await call.send({ type: 'accepted', promptTokens: 16, cachedTokens: 0 });
  await live(call, 'prefill', asked.prefillMs);
  const startedAt = performance.now();
  for (let index = resumeTokens.length; index < asked.tokens; index++) {
    const dueMs = startedAt + (index - resumeTokens.length) * asked.paceMs - performance.now();
    if (dueMs > 0) await live(call, 'decode', dueMs);
    if (call.signal.aborted) return;
    await call.send({
      type: 'output',
      choice: 0,
      tokenIds: [tokenIdOf(index)],
      deltas: [{ type: 'text', delta: toToken(asked, index) }],
    });
  }
  await call.send({
    type: 'done',
    deltas: [],
    finishReason: 'stop',
    usage: { promptTokens: 16, completionTokens: asked.tokens, reasoningTokens: 0, cachedTokens: 0 },
    timings: { prefillMs: asked.prefillMs, decodeMs: asked.tokens * asked.paceMs },
  });
}

/** Waits, and says so once a second. */
async function live(call: WorkerCall, phase: 'prefill' | 'decode', ms: number): Promise<void> {
  const until = performance.now() + ms;
  for (let left = ms; left > 0 && !call.signal.aborted; left = until - performance.now()) {
    await delay(Math.min(left, signsOfLifeMs), undefined, { signal: call.signal }).catch(() => undefined);
    if (left > signsOfLifeMs) await call.send({ type: 'progress', phase, tokensDone: 0 });
  }
}

function readAsked({ request }: WorkerCall): Asked {
  const text = request.kind === 'chat' ? request.messages.at(-1)?.content : undefined;
  return Asked.parse(JSON.parse(text ?? ''));
}

const worker = await startFakeWorker({
  nodeId: flags['node-id'],
  models: [chaosModel],
  slots: Number(flags.slots),
  port: Number(flags.port),
  script,
  ...(flags['advertise-url'] === undefined ? {} : { advertisedUrl: flags['advertise-url'] }),
});
worker.join(flags.controller);

/** As the real worker does: it says that it stops, ends what runs, and closes its connections when they are idle. */
async function stop(): Promise<void> {
  isDraining = true;
  await worker.setPhase('draining');
  while (worker.slotsBusy() > 0) await delay(10);
  await worker.close();
  process.exit(0);
}

process.once('SIGTERM', () => void stop());
console.log('ready');
