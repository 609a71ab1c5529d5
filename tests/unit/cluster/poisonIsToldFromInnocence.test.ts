import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PoisonLedger, type SuspectDeath } from '../../../src/cluster/poisonLedger.js';

const death = (changes: Partial<SuspectDeath> = {}): SuspectDeath => ({
  fingerprint: 'poison',
  requestId: 'req_1',
  instanceId: 'worker_1',
  startedAtMs: 0,
  ...changes,
});

describe('a request', () => {
  it('is suspect after one death, and quarantined after two', () => {
    const ledger = new PoisonLedger();
    expect([ledger.isEmpty, ledger.suspicionOf('poison', 0)]).toEqual([true, 'none']);
    expect(ledger.noteDeath(death(), 10)).toBe(false);
    expect([ledger.isEmpty, ledger.suspicionOf('poison', 10)]).toEqual([false, 'suspect']);
    expect(ledger.noteDeath(death({ instanceId: 'worker_2', startedAtMs: 20 }), 30)).toBe(true);
    expect(ledger.suspicionOf('poison', 30)).toBe('quarantined');
    expect(ledger.suspicionOf('other', 30)).toBe('none');
  });

  it('is known by its content when its client asks again', () => {
    const ledger = new PoisonLedger();
    ledger.noteDeath(death(), 10);
    const again = death({ requestId: 'req_2', instanceId: 'worker_2', startedAtMs: 20 });
    expect(ledger.noteDeath(again, 30)).toBe(true);
  });

  it('does not die twice of one worker, however many of its choices ran there', () => {
    const ledger = new PoisonLedger();
    ledger.noteDeath(death(), 10);
    expect(ledger.noteDeath(death({ startedAtMs: 20 }), 30)).toBe(false);
    expect(ledger.suspicionOf('poison', 30)).toBe('suspect');
  });

  it('of two clients that ran at the same time was tried once, of one client twice', () => {
    const ledger = new PoisonLedger();
    ledger.noteDeath(death(), 10);
    expect(ledger.noteDeath(death({ requestId: 'req_2', instanceId: 'worker_2' }), 11)).toBe(false);
    expect(ledger.noteDeath(death({ instanceId: 'worker_3' }), 12)).toBe(true);
  });

  it('is cleared of the death of a worker that was killed, be it quarantined for it', () => {
    const ledger = new PoisonLedger();
    ledger.noteDeath(death(), 10);
    ledger.noteDeath(death({ instanceId: 'worker_2', startedAtMs: 20 }), 30);
    ledger.absolve('worker_2');
    expect(ledger.suspicionOf('poison', 30)).toBe('suspect');
    ledger.absolve('worker_1');
    expect(ledger.isEmpty).toBe(true);
  });

  it('is cleared by a token', () => {
    const ledger = new PoisonLedger();
    ledger.noteDeath(death(), 10);
    ledger.noteProgress('poison');
    expect(ledger.isEmpty).toBe(true);
    expect(ledger.noteDeath(death({ instanceId: 'worker_2', startedAtMs: 20 }), 30)).toBe(false);
  });

  it('that stood beside the guilty one is not suspected of that death any more', () => {
    const ledger = new PoisonLedger();
    ledger.noteDeath(death(), 10);
    ledger.noteDeath(death({ fingerprint: 'innocent', requestId: 'req_2' }), 10);
    const second = { instanceId: 'worker_2', startedAtMs: 20 };
    ledger.noteDeath(death({ ...second, fingerprint: 'bystander', requestId: 'req_3' }), 30);
    ledger.noteDeath(death(second), 30);
    expect(ledger.suspicionOf('bystander', 30)).toBe('none');
    expect(ledger.suspicionOf('innocent', 30)).toBe('suspect');
  });

  it('is forgotten after a while', () => {
    const ledger = new PoisonLedger({ lastsMs: 1_000 });
    ledger.noteDeath(death(), 10);
    ledger.noteDeath(death({ instanceId: 'worker_2', startedAtMs: 20 }), 30);
    expect(ledger.suspicionOf('poison', 1_029)).toBe('quarantined');
    expect(ledger.suspicionOf('poison', 1_030)).toBe('none');
    expect(ledger.isEmpty).toBe(true);
  });
});

it('no more are remembered than there is room for, and the newest are', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 100 }), (prints) => {
      const ledger = new PoisonLedger({ maxEntries: 5 });
      prints.forEach((print, at) => {
        ledger.noteDeath(death({ fingerprint: String(print), instanceId: `i${at}`, startedAtMs: at }), at);
        const known = Array.from({ length: 31 }, (_, id) => ledger.suspicionOf(String(id), at));
        expect(known.filter((suspicion) => suspicion !== 'none').length).toBeLessThanOrEqual(5);
        expect(ledger.suspicionOf(String(print), at)).not.toBe('none');
      });
    }),
  );
});

it('nothing is quarantined without two workers that died of it since its last token', () => {
  const event = fc.record({
    print: fc.constantFrom('a', 'b', 'c'),
    worker: fc.integer({ min: 0, max: 6 }),
    isToken: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const ledger = new PoisonLedger();
      const workers = new Map<string, Set<number>>();
      events.forEach(({ print, worker, isToken }, at) => {
        if (isToken) {
          ledger.noteProgress(print);
          workers.delete(print);
        } else {
          ledger.noteDeath(death({ fingerprint: print, instanceId: `i${worker}`, startedAtMs: at - 1 }), at);
          workers.set(print, (workers.get(print) ?? new Set()).add(worker));
        }
        for (const one of ['a', 'b', 'c']) {
          if (ledger.suspicionOf(one, at) === 'quarantined')
            expect(workers.get(one)?.size).toBeGreaterThanOrEqual(2);
        }
      });
    }),
  );
});
