import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { LlamaEngine } from '../../../src/worker/engine/engine.js';
import type { PrefixStore } from '../../../src/worker/scheduler/prefixStore.js';
import type { Scheduler } from '../../../src/worker/scheduler/scheduler.js';
import { createFakeEngine } from '../../support/fakeEngine.js';
import { generate, toTextRequest } from '../../support/generate.js';
import { toScheduler } from '../../support/tinyScheduler.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Slots whose states take 50 ms by the clock to save, and notes of what happened: a save, or a step's token counts. */
function createNoted(onStep: (steps: number) => void = () => undefined) {
  const notes: (string | number[])[] = [];
  const fake = createFakeEngine({
    slots: 4,
    onStep: (entries) => {
      notes.push(entries.map(({ tokens }) => tokens.length));
      onStep(notes.length);
    },
  });
  const saveCache: LlamaEngine['saveCache'] = async (slot, file) => {
    notes.push('save');
    await fake.engine.saveCache(slot, file);
    vi.advanceTimersByTime(50);
  };
  const store: PrefixStore = {
    find: () => undefined,
    marks: () => [],
    save: (_key, _tokens, _marks, write) => write('file'),
    drop: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const budget = { besideDecodersTokens: 64, aloneTokens: 512 };
  return { notes, scheduler: toScheduler({ ...fake.engine, saveCache }, { store, budget }) };
}

const ask = (scheduler: Scheduler, prompt: string, maxTokens = 1) =>
  generate(scheduler, toTextRequest(prompt, { model: 'fake', maxTokens }));

it('of streams that decode: one save between two of their tokens, and no prompt beside it', async () => {
  let arrived: Promise<unknown> | undefined;
  const { notes, scheduler } = createNoted(() => {
    if (scheduler.report().slotsBusy === 1 && isDecoding) {
      isDecoding = false;
      arrived = Promise.all(['x', 'y', 'z'].map((letter) => ask(scheduler, letter.repeat(150))));
    }
  });
  let isDecoding = false;
  for (const letter of ['a', 'b', 'c']) await ask(scheduler, letter.repeat(150));
  notes.length = 0;
  isDecoding = true;
  await ask(scheduler, 'first', 40);
  await arrived;

  const saves = notes.flatMap((note, index) => (note === 'save' ? [index] : []));
  expect(saves).toHaveLength(3);
  // Whoever decodes goes alone behind a save, and a chunk comes in the step after it.
  for (const index of saves) expect(notes[index + 1]).toEqual([1]);
});
