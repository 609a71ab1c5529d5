import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Admission } from '../../../../src/cluster/queue/admission.js';
import { createAdmissionQueue } from '../../../../src/cluster/queue/admissionQueue.js';
import type { NodeLease } from '../../../../src/cluster/slotLease.js';
import type { RequestWork, RoutingPolicy, RoutingRequest } from '../../../../src/routing/policy.js';
import { anonymousPrincipal } from '../../../../src/protocol/generateRequest.js';
import { snapshot } from '../../../support/nodeSnapshots.js';

/** The policy of these tests: a prompt of an odd length wants `warm`, for two seconds at most. */
const asked: RoutingRequest[] = [];
const route: RoutingPolicy = (nodes, request) => {
  asked.push({ ...request, waitingAhead: new Map(request.waitingAhead) });
  const free = nodes.filter(({ slotsFree }) => slotsFree > 0).map(({ nodeId }) => nodeId);
  const decide = (nodeId?: string) => ({
    policy: 'prefix-aware' as const,
    nodeId,
    reason: 'load' as const,
    candidates: [],
  });
  if (request.promptTokens % 2 === 0) return decide(free[0]);
  if (free.includes('warm')) return decide('warm');
  const mostMs = 2000 - request.passedOverMs;
  if (mostMs <= 0 || free.length === 0) return decide(free[0]);
  return { ...decide(), reason: 'awaited', awaited: { nodeId: 'warm', mostMs } };
};
const wantsWarm: RequestWork = {
  promptBytes: 0,
  promptTokens: 1,
  outputTokens: 1,
  prefixChain: { hashes: [], bytes: 0 },
};
const takesAny: RequestWork = { ...wantsWarm, promptTokens: 2 };

let now = 0;
let free: Record<string, number>;
let onChange = () => {};

function createQueue(limit = 10) {
  return createAdmissionQueue({
    pool: {
      onChange: (listener) => void (onChange = listener),
      snapshotsFor: () =>
        Object.entries(free).map(([nodeId, slotsFree]) => snapshot(nodeId, { slotsFree, slotsTotal: 2 })),
      tryClaim: (nodeId) => {
        free[nodeId] = (free[nodeId] ?? 0) - 1;
        return { nodeId, return: () => give(nodeId) } as NodeLease;
      },
    },
    route,
    limits: { requests: limit, promptBytes: 1_000_000 },
    timeoutMs: 60_000,
    now: () => now,
  });
}

function give(nodeId: string): void {
  free[nodeId] = (free[nodeId] ?? 0) + 1;
  onChange();
}

function ask(queue: ReturnType<typeof createQueue>, work: RequestWork) {
  const caller: { outcome?: Admission; readonly abort: AbortController } = { abort: new AbortController() };
  const request = { model: 'm', principal: anonymousPrincipal, signal: caller.abort.signal, work };
  void queue.admit(request).then((outcome) => (caller.outcome = outcome));
  return caller;
}

async function pass(ms: number): Promise<void> {
  now += ms;
  await vi.advanceTimersByTimeAsync(ms);
}
const nodeOf = ({ outcome }: { outcome?: Admission }) =>
  outcome?.kind === 'granted' ? outcome.lease.nodeId : outcome?.kind;

beforeEach(() => {
  now = 0;
  asked.length = 0;
  free = { cold: 1, warm: 0 };
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

describe('a request that waits for one node beside free slots', () => {
  it('gets a slot of that node as soon as there is one', async () => {
    const caller = ask(createQueue(), wantsWarm);
    await pass(500);
    expect(nodeOf(caller)).toBeUndefined();
    give('warm');
    await pass(0);
    expect(nodeOf(caller)).toBe('warm');
  });

  it('takes a free one when its time is over, although nothing else happens', async () => {
    const caller = ask(createQueue(), wantsWarm);
    await pass(1999);
    expect(nodeOf(caller)).toBeUndefined();
    await pass(1);
    expect(nodeOf(caller)).toBe('cold');
  });

  it('keeps nobody else from the free one', async () => {
    const queue = createQueue();
    const [first, second] = [ask(queue, wantsWarm), ask(queue, takesAny)];
    await pass(0);
    expect([nodeOf(first), nodeOf(second)]).toEqual([undefined, 'cold']);
  });

  it('is told how many wait for that node in front of it', async () => {
    const queue = createQueue();
    ask(queue, wantsWarm);
    ask(queue, wantsWarm);
    await pass(0);
    asked.length = 0;
    onChange();
    expect(asked.map(({ waitingAhead }) => waitingAhead.get('warm') ?? 0)).toEqual([0, 1]);
  });

  it('takes the free one at once where the queue has no place for it', async () => {
    const caller = ask(createQueue(0), wantsWarm);
    await pass(0);
    expect(nodeOf(caller)).toBe('cold');
  });

  it('asks no more when its client has left', async () => {
    const caller = ask(createQueue(), wantsWarm);
    caller.abort.abort();
    await pass(0);
    expect(nodeOf(caller)).toBe('aborted');
    asked.length = 0;
    await pass(10_000);
    expect(asked).toHaveLength(0);
  });
});
