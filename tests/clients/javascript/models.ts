import { expect } from 'vitest';
import { scriptedModel } from '../../support/liveCluster.js';
import type { Behaviour } from './behaviour.js';

export const models: readonly Behaviour[] = [
  {
    name: 'lists the models, page by page as well',
    async run({ client }) {
      const expected = ['tiny', 'tiny-embedding', 'tiny-rerank', scriptedModel].sort();
      expect((await client.models.list()).data.map(({ id }) => id).sort()).toEqual(expected);
      const ids: string[] = [];
      for await (const { id } of client.models.list()) ids.push(id);
      expect(ids.sort()).toEqual(expected);
    },
  },
  {
    name: 'retrieves a model whose id has a slash and a colon',
    async run({ client }) {
      const model = await client.models.retrieve(scriptedModel);
      expect(model).toMatchObject({ id: scriptedModel, object: 'model', owned_by: 'ai-cluster' });
    },
  },
  {
    name: 'is told that a model is not there',
    async run({ client, OpenAI }) {
      const error: unknown = await client.models.retrieve('org/nope:Q4').catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(OpenAI.NotFoundError);
      expect(error).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    },
  },
];
