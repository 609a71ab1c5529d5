import type { Item, OutputItem } from '../protocol/openai/responses/items.js';
import type { ResponseObject } from '../protocol/openai/responses/response.js';
import type { StoreDatabase } from './database.js';

/** How the text of an item was cut into deltas, and how many of its log probabilities came with each. */
export type DeltaLengths = readonly (readonly [characters: number, logprobs: number])[];

export interface StoredResponse {
  readonly response: ResponseObject;
  /** What this response was given beside what it goes on from. */
  readonly input: readonly Item[];
  /** One for each output item: with them a stream can be said again as it was. */
  readonly lengths: readonly DeltaLengths[];
}

export interface Conversation {
  /** All input and output in order. */
  readonly items: readonly Item[];
  /** The response behind which the beginning is lost, because it is no longer stored. */
  readonly missing?: string;
}

/** Responses that can be asked for again. Nobody but the `owner` sees them. */
export interface ResponseStore {
  /** Resolves when it is on the disk. */
  put(owner: string, stored: StoredResponse): Promise<void>;
  get(owner: string, id: string): StoredResponse | undefined;
  /** What was said up to and with this response. */
  conversation(owner: string, id: string): Conversation;
  item(owner: string, id: string): Item | undefined;
  /** False where it was not there. */
  delete(owner: string, id: string): boolean;
}

/** As OpenAI keeps them. */
const keptSeconds = 30 * 24 * 60 * 60;
/** Old responses go in small steps, so that no request waits for all of them. */
const deletedAtOnce = 20;

interface ResponseRow {
  readonly previous_id: string | null;
  readonly body: string;
}

interface ItemRow {
  readonly body: string;
  /** Of output only. */
  readonly lengths: string | null;
}

/** Responses in the controller's database: each item once, a response without its output. */
export function createResponseStore(database: StoreDatabase): ResponseStore {
  const insertResponse = database.prepare(
    'INSERT INTO responses (id, owner, previous_id, created_at, body) VALUES (?, ?, ?, ?, ?)',
  );
  const insertItem = database.prepare(
    'INSERT INTO response_items (id, response_id, position, body, lengths) VALUES (?, ?, ?, ?, ?)',
  );
  const deleteOld = database.prepare(
    'DELETE FROM responses WHERE id IN (SELECT id FROM responses WHERE created_at < ? ORDER BY created_at LIMIT ?)',
  );
  const deleteOne = database.prepare('DELETE FROM responses WHERE id = ? AND owner = ?');
  const selectResponse = database.prepare(
    'SELECT previous_id, body FROM responses WHERE id = ? AND owner = ?',
  );
  const selectItems = database.prepare(
    'SELECT body, lengths FROM response_items WHERE response_id = ? ORDER BY position',
  );
  const selectItem = database.prepare(
    'SELECT i.body FROM response_items i JOIN responses r ON r.id = i.response_id WHERE i.id = ? AND r.owner = ?',
  );

  const findResponse = (owner: string, id: string) =>
    selectResponse.get(id, owner) as ResponseRow | undefined;
  const itemsOf = (id: string) => selectItems.all(id) as ItemRow[];
  const parseItem = ({ body }: { body: string }) => JSON.parse(body) as Item;

  const put = database.asyncTransaction((owner: string, { response, input, lengths }: StoredResponse) => {
    const { id, previous_response_id: previousId, created_at: createdAt, output } = response;
    deleteOld.run(createdAt - keptSeconds, deletedAtOnce);
    insertResponse.run(id, owner, previousId, createdAt, JSON.stringify({ ...response, output: [] }));
    for (const [position, item] of [...input, ...output].entries()) {
      const cuts = position < input.length ? null : JSON.stringify(lengths[position - input.length] ?? []);
      insertItem.run(item.id, id, position, JSON.stringify(item), cuts);
    }
  });

  return {
    put,
    get(owner, id) {
      const row = findResponse(owner, id);
      if (!row) return undefined;
      const items = itemsOf(id);
      const isOutput = ({ lengths }: ItemRow) => lengths !== null;
      const output = items.filter(isOutput);
      return {
        response: {
          ...(JSON.parse(row.body) as ResponseObject),
          output: output.map(parseItem) as OutputItem[],
        },
        input: items.filter((item) => !isOutput(item)).map(parseItem),
        lengths: output.map(({ lengths }) => JSON.parse(lengths ?? '[]') as DeltaLengths),
      };
    },
    conversation(owner, id) {
      const ids: string[] = [];
      let next: string | null = id;
      while (next !== null) {
        const row = findResponse(owner, next);
        if (!row) break;
        ids.unshift(next);
        next = row.previous_id;
      }
      const items = ids.flatMap(itemsOf).map(parseItem);
      return { items, ...(next === null ? {} : { missing: next }) };
    },
    item(owner, id) {
      const row = selectItem.get(id, owner) as { body: string } | undefined;
      return row && parseItem(row);
    },
    delete: (owner, id) => deleteOne.run(id, owner).changes > 0,
  };
}
