import { WorkerPool } from '../../src/cluster/workerPool.js';
import { createRequestWorks } from '../../src/controller/requestWork.js';
import type { RequestWork, RoutingDecision, RoutingPolicy } from '../../src/routing/policy.js';
import type { NodeSnapshot } from '../../src/routing/nodeSnapshot.js';
import type { GenerateRequest } from '../../src/protocol/generateRequest.js';
import type { NodeReport } from '../../src/protocol/workerApi.js';
import { toPrefixMarks, marksWithin } from '../../src/worker/scheduler/prefixMarks.js';
import { conversationsOf, type PrefixShare, type Segment } from './conversations.js';
import { oracle } from './oracle.js';
import { createRandom } from './random.js';
import { SimulatedWorker, type SimulatedTask, type StepCosts } from './simulatedWorker.js';
import { createKnownPrefixes } from './knownPrefixes.js';
import { createTimeline } from './timeline.js';
import { countPromptTokens, toGenerateRequest } from './toGenerateRequest.js';
import { noPoolEvents } from '../../tests/support/noPoolEvents.js';

export interface SimulationOptions {
  readonly policy: RoutingPolicy | 'oracle';
  readonly share: PrefixShare;
  readonly seed: number;
  /** Of the noise in step times: the same conversations twice are not the same run. */
  readonly jitterSeed: number;
  /** Of each worker, 1 being normal. */
  readonly speeds: readonly number[];
  readonly slots: number;
  readonly diskTokens: number;
  readonly costs: StepCosts;
  readonly callers: number;
  readonly meanThinkMs: number;
  /** That are counted; a fifth more runs before them. */
  readonly requests: number;
}

/** One request that came to its end. */
export interface Outcome {
  readonly firstTokenMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** What had been in some prompt or answer before. */
  readonly knownTokens: number;
  /** What routing expected to be cached. */
  readonly expectedCachedTokens: number;
}

interface Waiting {
  readonly prompt: readonly Segment[];
  readonly answer: Segment;
  readonly work: RequestWork;
  readonly request: GenerateRequest;
  readonly sentAt: number;
  readonly ended: () => void;
  awaited: { readonly since: number; readonly nodeId: string } | undefined;
}

const model = 'm';
const heartbeatMs = 1_000;

/** Runs conversations over simulated workers in virtual time, with the real pool, policies, prefix chains and plans. */
export function simulate(options: SimulationOptions): Outcome[] {
  const { policy, share, seed, speeds, slots, callers, requests } = options;
  const random = createRandom(options.jitterSeed);
  const jitter = () => 0.9 + 0.2 * random();
  let now = 0;
  const events = createTimeline();
  const nodeIds = speeds.map((_, index) => `worker_${index + 1}`);
  const workers = new Map(
    nodeIds.map((id, index) => [id, new SimulatedWorker({ ...options, speed: speeds[index] ?? 1, jitter })]),
  );
  const pool = new WorkerPool({ nodeIds, now: () => now, events: noPoolEvents });
  const works = createRequestWorks('keys');
  const waiting: Waiting[] = [];
  const stepping = new Set<string>();
  const outcomes: Outcome[] = [];
  const known = createKnownPrefixes();
  const warmUp = Math.ceil(requests / 5);
  let finished = 0;

  const reportOf = (worker: SimulatedWorker): NodeReport => ({
    phase: 'ready',
    uptimeSeconds: now / 1000,
    models: [
      {
        id: model,
        kind: 'generation',
        slotsTotal: slots,
        slotsBusy: worker.tasks.length,
        contextTokens: 4096,
        loadSeconds: 1,
        memoryBytes: 1,
        fingerprint: 'fp',
        prefixes: worker.held(),
      },
    ],
  });
  for (const [nodeId, worker] of workers) {
    pool.join({
      nodeId,
      instanceId: nodeId,
      url: 'http://127.0.0.1:1',
      pid: 1,
      version: '1',
      report: reportOf(worker),
    });
    const beat = () => {
      pool.heartbeat(nodeId, nodeId, reportOf(worker));
      grant();
      events.add(now + heartbeatMs, beat);
    };
    events.add(now + heartbeatMs, beat);
  }

  function decide(request: Waiting, ahead: Map<string, number>): RoutingDecision {
    const { work, awaited } = request;
    const base = {
      history: { failedOn: new Set<string>(), busyNodeId: undefined },
      passedOverMs: awaited ? now - awaited.since : 0,
      waitingAhead: ahead,
    };
    const snapshots = pool.snapshotsFor(model, work);
    if (policy !== 'oracle')
      return policy(snapshots, { promptTokens: work.promptTokens, outputTokens: work.outputTokens, ...base });
    const truth = snapshots.map((node) => toTruth(node, workers.get(node.nodeId), request, options));
    return oracle(truth, {
      promptTokens: countPromptTokens(request.prompt),
      outputTokens: request.answer.tokens,
      ...base,
    });
  }

  function grant(): void {
    const ahead = new Map<string, number>();
    for (const request of [...waiting]) {
      const decision = decide(request, ahead);
      const lease =
        decision.nodeId === undefined ? undefined : pool.tryClaim(decision.nodeId, model, request.work);
      const worker = lease && workers.get(lease.nodeId);
      if (!lease || !worker) {
        if (!decision.awaited) {
          if (decision.reason === 'full') break;
          continue;
        }
        const { nodeId, mostMs } = decision.awaited;
        if (!request.awaited) events.add(now + mostMs, grant);
        request.awaited = { since: request.awaited?.since ?? now, nodeId };
        ahead.set(nodeId, (ahead.get(nodeId) ?? 0) + 1);
        continue;
      }
      waiting.splice(waiting.indexOf(request), 1);
      const chosen = decision.candidates.find(({ nodeId }) => nodeId === lease.nodeId);
      run(request, worker, lease, chosen?.cachedTokens ?? NaN);
    }
  }

  function run(
    { prompt, answer, work, request, sentAt, ended }: Waiting,
    worker: SimulatedWorker,
    lease: NonNullable<ReturnType<WorkerPool['tryClaim']>>,
    expectedCachedTokens: number,
  ): void {
    const promptTokens = countPromptTokens(prompt);
    const knownTokens = known.look(prompt);
    known.add([...prompt, answer]);
    const marks = toPrefixMarks(work.prefixChain, promptTokens);
    const { task, cachedTokens: foundTokens } = worker.accept({ prompt, promptTokens, answer, marks });
    lease.accepted(promptTokens, foundTokens);
    works.learnPrompt(request, work, promptTokens);
    let firstTokenMs = 0;
    onToken.set(task, () => {
      lease.countTokens(1);
      if (task.producedTokens === 1) firstTokenMs = now - sentAt;
      if (task.producedTokens < answer.tokens) return;
      onToken.delete(task);
      worker.finish(task);
      works.learnOutput(request, answer.tokens);
      lease.holds(marksWithin(marks, task.evaluatedTokens));
      lease.return();
      const cachedTokens = task.reusedTokens ?? 0;
      const outcome = { firstTokenMs, promptTokens, cachedTokens, knownTokens, expectedCachedTokens };
      if (++finished > warmUp) outcomes.push(outcome);
      ended();
    });
    step(lease.nodeId, worker);
  }

  const onToken = new Map<SimulatedTask, () => void>();

  function step(nodeId: string, worker: SimulatedWorker): void {
    if (stepping.has(nodeId)) return;
    const planned = worker.beginStep();
    if (!planned) return;
    stepping.add(nodeId);
    events.add(now + planned.ms, () => {
      const producers = planned.end();
      for (const task of producers) onToken.get(task)?.();
      stepping.delete(nodeId);
      grant();
      step(nodeId, worker);
    });
  }

  for (let caller = 0; caller < callers; caller++) {
    const supply = conversationsOf(share, seed, caller, options.meanThinkMs);
    const begin = () => {
      const { system, turns } = supply.next().value;
      const history: Segment[] = system ? [system] : [];
      const say = (turn: number) => {
        const next = turns[turn];
        if (!next) return begin();
        events.add(now + next.thinkMs, () => {
          history.push(next.question);
          const answer: Segment = {
            id: `answer to ${next.question.id}`,
            role: 'assistant',
            tokens: next.answerTokens,
          };
          const prompt = [...history];
          const { request, work } = works.prepare(toGenerateRequest(model, prompt));
          const ended = () => {
            history.push(answer);
            say(turn + 1);
          };
          waiting.push({ prompt, answer, work, request, sentAt: now, ended, awaited: undefined });
          grant();
        });
      };
      say(0);
    };
    begin();
  }

  while (outcomes.length < requests) {
    const next = events.next();
    now = next.at;
    next.run();
  }
  return outcomes;
}

/** The snapshot as it would be if everything were known: caches, lengths of answers, speed. */
function toTruth(
  node: NodeSnapshot,
  worker: SimulatedWorker | undefined,
  { prompt }: Waiting,
  { costs, speeds }: SimulationOptions,
): NodeSnapshot {
  const speed = speeds[Number(node.nodeId.slice('worker_'.length)) - 1] ?? 1;
  const stepMs = costs.decodeBaseMs + costs.decoderMs;
  return {
    ...node,
    cachedTokens: worker?.cachedTokens(prompt) ?? 0,
    running: (worker?.tasks ?? []).map((task) => ({
      prefillTokens:
        task.promptTokens - Math.max(task.evaluatedTokens, worker?.cachedTokens(task.prompt) ?? 0),
      decodeTokens: task.answer.tokens - task.producedTokens,
    })),
    speed: {
      prefillTokensPerSecond: (1000 / costs.promptTokenMs) * speed,
      decodeTokensPerSecond: (1000 / stepMs) * speed,
      batchSlowdown: costs.decoderMs / stepMs,
    },
  };
}
