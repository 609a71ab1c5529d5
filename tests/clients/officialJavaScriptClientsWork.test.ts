import path from 'node:path';
import { pathToFileURL } from 'node:url';
import OpenAI, { toFile, toStreamingFile } from 'openai';
import * as zodHelpers from 'openai/helpers/zod';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startClientCluster, type ClientCluster } from './clientCluster.js';
import { installOpenAi7, installTimeoutMs } from './installClients.js';
import { batches } from './javascript/batches.js';
import type { Behaviour, ClientModule } from './javascript/behaviour.js';
import { chat } from './javascript/chat.js';
import { chatHelpers } from './javascript/chatHelpers.js';
import { completions } from './javascript/completions.js';
import { embeddings } from './javascript/embeddings.js';
import { errors } from './javascript/errors.js';
import { files } from './javascript/files.js';
import { models } from './javascript/models.js';
import { rawResponses } from './javascript/rawResponses.js';
import { responses } from './javascript/responses.js';

/** A list for each part of the API; another part is another list. */
const behaviours: readonly Behaviour[] = [
  ...chat,
  ...chatHelpers,
  ...completions,
  ...responses,
  ...embeddings,
  ...files,
  ...batches,
  ...models,
  ...errors,
  ...rawResponses,
];

async function loadVersion7(): Promise<ClientModule> {
  const folder = await installOpenAi7();
  const load = async (file: string): Promise<unknown> => import(pathToFileURL(path.join(folder, file)).href);
  const main = (await load('index.mjs')) as Pick<ClientModule, 'OpenAI' | 'toFile' | 'toStreamingFile'>;
  const helpers = (await load('helpers/zod.mjs')) as typeof zodHelpers;
  return { ...main, ...helpers };
}

const versions = [
  { major: 6, load: () => Promise.resolve({ OpenAI, toFile, toStreamingFile, ...zodHelpers }) },
  { major: 7, load: loadVersion7 },
];

let cluster: ClientCluster;
beforeAll(async () => {
  cluster = await startClientCluster();
}, 120_000);
afterAll(() => cluster?.close());

describe.each(versions)('the official JavaScript client, version $major', ({ major, load }) => {
  let module: ClientModule;
  let client: OpenAI;
  beforeAll(async () => {
    module = await load();
    client = new module.OpenAI({ baseURL: `${cluster.live.url}/v1`, apiKey: 'unused', maxRetries: 0 });
  }, installTimeoutMs);

  it('is what it says it is', async () => {
    const seen: string[] = [];
    const spy = client.withOptions({
      fetch: (url, init) => {
        seen.push(new Headers(init?.headers).get('user-agent') ?? '');
        return fetch(url, init);
      },
    });
    await spy.models.list();
    expect(seen).toEqual([expect.stringMatching(new RegExp(`^OpenAI/JS ${major}\\.`)) as string]);
  });

  it.each(behaviours)('$name', ({ run }) => run({ ...module, client, cluster }), 60_000);
});
