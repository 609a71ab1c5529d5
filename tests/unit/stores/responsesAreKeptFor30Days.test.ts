import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { beginResponse } from '../../../src/controller/presenters/responseObject.js';
import type { Item, OutputItem } from '../../../src/protocol/openai/responses/items.js';
import { openStores } from '../../../src/stores/openStores.js';
import type { StoredResponse } from '../../../src/stores/responseStore.js';

const day = 24 * 60 * 60;

function openStore() {
  const folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-stores-'));
  const stores = openStores(folder);
  onTestFinished(() => {
    stores.close();
    rmSync(folder, { recursive: true });
  });
  return stores.responses;
}

function toStored(id: string, { created = 0, previous }: { created?: number; previous?: string } = {}) {
  const begun = beginResponse({ id, created, model: 'm' }, { model: 'm', previous_response_id: previous });
  const input: Item[] = [
    {
      id: `msg_in_${id}`,
      type: 'message',
      role: 'user',
      status: 'completed',
      content: [{ type: 'input_text', text: 'Hi' }],
    },
  ];
  const output: OutputItem[] = [
    {
      id: `fc_${id}`,
      type: 'function_call',
      call_id: `call_${id}`,
      name: 'f',
      arguments: '{}',
      status: 'completed',
    },
  ];
  const lengths = [[[1, 0] as const, [1, 0] as const]];
  return { response: { ...begun, output }, input, lengths } satisfies StoredResponse;
}

it('gives back what was put in', async () => {
  const store = openStore();
  const stored = toStored('a');
  await store.put('ann', stored);
  expect(store.get('ann', 'a')).toEqual(stored);
  expect(store.item('ann', 'fc_a')).toEqual(stored.response.output[0]);
});

it('shows nothing to anybody but the owner', async () => {
  const store = openStore();
  await store.put('ann', toStored('a'));
  expect(store.get('bob', 'a')).toBeUndefined();
  expect(store.item('bob', 'fc_a')).toBeUndefined();
  expect(store.conversation('bob', 'a')).toEqual({ items: [], missing: 'a' });
  expect(store.delete('bob', 'a')).toBe(false);
  expect(store.get('ann', 'a')).toBeDefined();
});

it('has the conversation in order, and says where its beginning is lost', async () => {
  const store = openStore();
  for (const [id, previous] of [['a'], ['b', 'a'], ['c', 'b'], ['other', 'a']] as const)
    await store.put('ann', toStored(id, previous === undefined ? {} : { previous }));

  const idsOf = (id: string) => store.conversation('ann', id).items.map((item) => item.id);
  expect(idsOf('c')).toEqual(['msg_in_a', 'fc_a', 'msg_in_b', 'fc_b', 'msg_in_c', 'fc_c']);
  expect(store.delete('ann', 'a')).toBe(true);
  expect(store.delete('ann', 'a')).toBe(false);
  expect(idsOf('c')).toEqual(['msg_in_b', 'fc_b', 'msg_in_c', 'fc_c']);
  expect(store.conversation('ann', 'c').missing).toBe('a');
  expect(store.item('ann', 'fc_a')).toBeUndefined();
});

it('drops what is older than 30 days, with its items, when another one comes', async () => {
  const store = openStore();
  await store.put('ann', toStored('old'));
  await store.put('ann', toStored('young', { created: 1 }));
  await store.put('ann', toStored('new', { created: 30 * day + 1 }));
  expect(store.get('ann', 'old')).toBeUndefined();
  expect(store.item('ann', 'fc_old')).toBeUndefined();
  expect(store.get('ann', 'young')).toBeDefined();
});

it('puts all of a response or nothing', async () => {
  const store = openStore();
  await store.put('ann', toStored('a'));
  const clash = toStored('b');
  await expect(store.put('ann', { ...clash, input: toStored('a').input })).rejects.toThrow();
  expect(store.get('ann', 'b')).toBeUndefined();
});
