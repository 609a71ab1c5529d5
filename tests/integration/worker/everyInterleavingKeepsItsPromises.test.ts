import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerationEvent } from '../../../src/protocol/generation.js';
import type { StepEntry } from '../../../src/worker/engine/engine.js';
import { createFakeEngine, endToken, tokenBehind } from '../../support/fakeEngine.js';
import { toTextRequest } from '../../support/generate.js';
import { toScheduler } from '../../support/tinyScheduler.js';

const slots = 4;
const contextTokens = 200;

/** What happens to a request, counted in steps of the scheduler. */
const plan = fc.record({
  arrivesAt: fc.nat(80),
  /** Prompts share beginnings of different lengths. */
  prompt: fc.tuple(fc.constantFrom('a', 'b'), fc.nat(70), fc.string({ maxLength: 4 })),
  maxTokens: fc.option(fc.integer({ min: 1, max: 120 }), { nil: null }),
  stop: fc.array(fc.string({ minLength: 1, maxLength: 2 }), { maxLength: 2 }),
  cancelledAfter: fc.option(fc.nat(30), { nil: undefined }),
  priority: fc.integer({ min: -1, max: 1 }),
  cacheNamespace: fc.constantFrom('ann', 'bob'),
});
type ValueOf<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Plan = ValueOf<typeof plan>;

const scenario = fc.record({
  plans: fc.array(plan, { minLength: 1, maxLength: 14 }),
  /** Steps whose batch fails as a whole. */
  failingSteps: fc.array(fc.nat(60), { maxLength: 3 }),
  /** Sampling fails behind sequences of these lengths. */
  failingLengths: fc.array(fc.integer({ min: 1, max: contextTokens }), { maxLength: 2 }),
});

interface Outcome {
  readonly events: readonly GenerationEvent[];
  readonly isCancelled: boolean;
}

const textOf = ({ prompt: [letter, length, rest] }: Plan) => `${letter.repeat(length)}${rest}.`;

/** The tokens that the model gives to a prompt, and how it ends, without any scheduler. */
function expectedTokens(prompt: readonly number[], maxTokens: number | null): number[] {
  const tokens: number[] = [];
  const most = Math.min(maxTokens ?? Infinity, contextTokens - prompt.length);
  for (;;) {
    const next = tokenBehind([...prompt, ...tokens]);
    if (next === endToken || tokens.length === most) return tokens;
    tokens.push(next);
  }
}

async function play({ plans, failingSteps, failingLengths }: ValueOf<typeof scenario>) {
  const stepped: (readonly StepEntry[])[] = [];
  let copies = 0;
  const fake = createFakeEngine({
    slots,
    contextTokens,
    onStep: (entries) => {
      stepped.push(entries);
      submitDue();
      if (failingSteps.includes(stepped.length)) throw new Error('the batch failed');
    },
    // The time in which a sequence is moved or a prefix copied is one to arrive in, too.
    onCopy: () => {
      copies++;
      if (waiting[0]) submit(waiting.shift() as Plan);
    },
    failsAt: (tokens) => failingLengths.includes(tokens.length),
  });
  const scheduler = toScheduler(fake.engine);
  const running: { promise: Promise<Outcome>; abort: AbortController; plan: Plan }[] = [];
  const waiting = [...plans].sort((a, b) => a.arrivesAt - b.arrivesAt);

  function submitDue(): void {
    while (waiting[0] && waiting[0].arrivesAt <= stepped.length) submit(waiting.shift() as Plan);
  }
  function submit(next: Plan): void {
    const abort = new AbortController();
    const request = toTextRequest(textOf(next), {
      model: 'fake',
      maxTokens: next.maxTokens,
      stop: next.stop,
      principal: {
        keyId: 'k',
        weight: 1,
        priority: next.priority,
        cacheNamespace: next.cacheNamespace,
      },
    });
    const busyBefore = scheduler.report().slotsBusy;
    const submission = scheduler.submit(request, abort.signal);
    if (submission.kind === 'refused') {
      expect(submission.failure.code).toBe('no_free_slot');
      expect(busyBefore).toBe(slots);
      return;
    }
    running.push({ promise: collect(submission.events, abort, next.cancelledAfter), abort, plan: next });
  }

  submitDue();
  // Steps bring the later ones in; a pause in which nothing runs does not.
  while (waiting.length > 0) {
    await scheduler.whenIdle();
    if (waiting[0]) submit(waiting.shift() as Plan);
  }
  await scheduler.whenIdle();
  const outcomes = await Promise.all(running.map(({ promise }) => promise));
  return { scheduler, fake, stepped, outcomes, running, copies };
}

async function collect(
  events: AsyncIterable<GenerationEvent>,
  abort: AbortController,
  cancelledAfter: number | undefined,
): Promise<Outcome> {
  const seen: GenerationEvent[] = [];
  for await (const event of events) {
    seen.push(event);
    if (seen.length === (cancelledAfter ?? -1) + 1) abort.abort();
  }
  return { events: seen, isCancelled: abort.signal.aborted };
}

describe('any interleaving of arrivals, cancels, stops and failures', () => {
  it('leaves every slot with one owner and every request with one end', async () => {
    let allCopies = 0;
    await fc.assert(
      fc.asyncProperty(scenario, async (example) => {
        const { scheduler, fake, stepped, outcomes, running, copies } = await play(example);
        allCopies += copies;
        expect(scheduler.report().slotsBusy).toBe(0);
        expect(fake.openSamplers()).toBe(0);

        for (const entries of stepped) {
          const indexes = entries.map(({ slot }) => slot);
          expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => a - b));
        }
        outcomes.forEach(({ events, isCancelled }, index) => {
          const ends = events.filter(({ type }) => type === 'done' || type === 'error');
          expect(ends.length).toBe(isCancelled && ends.length === 0 ? 0 : 1);
          if (ends.length === 1) expect(events.at(-1)).toBe(ends[0]);
          const error = events.find((event) => event.type === 'error');
          if (error) expect(['the batch failed', 'sampling failed']).toContain(error.message);
          expect(events[0]?.type).toBe('accepted');
          expect(events.filter(({ type }) => type === 'accepted')).toHaveLength(1);

          const plan = running[index]?.plan as Plan;
          const tokens = events.flatMap((event) => (event.type === 'output' ? event.tokenIds : []));
          const prompt = Array.from(textOf(plan), (char) => char.charCodeAt(0) % 128);
          const expected = expectedTokens(prompt, plan.maxTokens);
          // What was handed out is what the model generates for this prompt alone, up to where the request ended.
          expect(tokens).toEqual(expected.slice(0, tokens.length));
          const done = events.find((event) => event.type === 'done');
          if (!done) return;
          expect(done.usage.completionTokens).toBe(tokens.length);
          const text = [
            ...events.flatMap((event) => (event.type === 'output' ? event.deltas : [])),
            ...done.deltas,
          ]
            .map(({ delta }) => delta)
            .join('');
          for (const stop of plan.stop) expect(text).not.toContain(stop);
          if (plan.stop.length === 0) expect(tokens).toEqual(expected);
        });
      }),
      { numRuns: 400 },
    );
    expect(allCopies).toBeGreaterThan(100);
  }, 120_000);
});
