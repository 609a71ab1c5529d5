import { expect, it } from 'vitest';
import { createAccounts } from '../../../../src/controller/limits/accounts.js';
import { KeyUses } from '../../../../src/controller/limits/keyUses.js';
import { defaultKeySettings, type ApiKey, type ApiKeySettings } from '../../../../src/protocol/apiKeys.js';
import type { Use } from '../../../../src/stores/usageStore.js';

const keyId = 'sk-aaaaaaaaaa';
const need = () => ({ prompts: [50], completion: 50, named: 50 });
const use = { model: 'm', isError: false, promptTokens: 10, cachedTokens: 0, completionTokens: 5 };

function openBank(settings: Partial<ApiKeySettings>) {
  const key: ApiKey = {
    ...defaultKeySettings,
    name: 'a',
    ...settings,
    id: keyId,
    state: 'active',
    createdAt: '2026-08-01T00:00:00Z',
  };
  const recorded: Use[] = [];
  const events: string[] = [];
  const uses = new KeyUses();
  const bank = { isBroken: false, now: 0 };
  const openAccount = createAccounts({
    usage: {
      record: (one) => {
        if (bank.isBroken) throw new Error('the disk is full');
        recorded.push(one);
      },
      spent: () => {
        const tokens = recorded.reduce((sum, one) => sum + one.promptTokens + one.completionTokens, 0);
        return { day: tokens, month: tokens };
      },
    },
    uses,
    events: {
      keyLimitReached: () => void events.push('limit reached'),
      usageLost: ({ error: _error, ...lost }) => void events.push(JSON.stringify(lost)),
    },
    now: () => bank.now,
  });
  return {
    bank,
    recorded,
    events,
    open: (isBatchLine = false) => openAccount({ keyId, key, isBatchLine }),
    taken: () => uses.of(keyId).tokens.taken(bank.now),
    held: () => uses.of(keyId).budgets.held(),
  };
}

it('and free what they reserved and did not use', () => {
  const { open, taken, held, recorded } = openBank({ tokensPerMinute: 150, tokensPerDay: 150 });
  const account = open();
  account.reserve(need);
  expect([taken(), held()]).toEqual([100, 100]);
  account.countPrompt(0, 10);
  expect([taken(), held()]).toEqual([60, 60]);
  account.settle(use);
  expect([taken(), held()]).toEqual([15, 0]);
  expect(recorded).toEqual([{ key: keyId, ...use }]);
});

it('or released, with nothing counted', () => {
  const { open, taken, held, recorded } = openBank({ tokensPerMinute: 150, tokensPerDay: 150 });
  const account = open();
  account.reserve(need);
  account.release();
  expect([taken(), held(), recorded]).toEqual([0, 0, []]);
});

it('and reserve nothing afterwards', () => {
  const { open, taken, held } = openBank({ tokensPerMinute: 150, tokensPerDay: 150 });
  const account = open();
  account.settle({ ...use, promptTokens: 0, completionTokens: 0 });
  account.reserve(need);
  expect([taken(), held()]).toEqual([0, 0]);
});

it('where a limit has no room they hold nothing of the other ones', () => {
  const { open, held, events } = openBank({ tokensPerMinute: 90, tokensPerDay: 1_000 });
  const first = open();
  first.reserve(() => ({ prompts: [80], completion: 0, named: 0 }));
  expect(() => open().reserve(need)).toThrow('This API key may use 90 tokens in 60 seconds');
  expect([held(), events]).toEqual([80, ['limit reached']]);
});

it('of lines of batches hold budgets alone', () => {
  const { open, taken, held } = openBank({ tokensPerMinute: 10, tokensPerMonth: 150 });
  open(true).reserve(need);
  expect([taken(), held()]).toEqual([0, 100]);
  expect(() => open(true).reserve(need)).toThrow('This API key may use 150 tokens a month');
});

it('without limits never ask what a request may need', () => {
  const { open, recorded } = openBank({});
  const account = open();
  account.reserve(() => {
    throw new Error('asked');
  });
  account.settle(use);
  expect(recorded).toHaveLength(1);
});

it('also where usage cannot be stored: it is in the log then', () => {
  const { open, bank, taken, events } = openBank({ tokensPerMinute: 150 });
  const account = open();
  account.reserve(need);
  bank.isBroken = true;
  account.settle(use);
  expect(taken()).toBe(15);
  expect(events).toEqual([JSON.stringify({ keyId, ...use })]);
});
