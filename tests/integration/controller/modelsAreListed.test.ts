import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelList } from '../../../src/protocol/openai/models.js';
import { startRealCluster, type RealCluster } from '../../support/realCluster.js';
import { startTestCluster } from '../../support/testCluster.js';

const nowSeconds = () => Date.now() / 1000;

describe('a cluster with models of three kinds', () => {
  let cluster: RealCluster;
  beforeAll(async () => {
    cluster = await startRealCluster();
  }, 60_000);
  afterAll(() => cluster.close());

  it('says of each what it is for', async () => {
    const { body } = await cluster.send('/v1/models');
    const { data } = ModelList.parse(body);
    expect(data.map(({ id, max_model_len, meta }) => [id, max_model_len, meta])).toEqual([
      ['tiny', 2048, { kind: 'generation', n_ctx: 2048, slots: 2 }],
      ['tiny-embedding', 512, { kind: 'embedding', n_ctx: 512, slots: 2 }],
      ['tiny-rerank', 512, { kind: 'ranking', n_ctx: 512, slots: 2 }],
    ]);
    for (const { object, owned_by, created } of data) {
      expect({ object, owned_by }).toEqual({ object: 'model', owned_by: 'ai-cluster' });
      expect(Math.abs(created - nowSeconds())).toBeLessThan(300);
    }
    expect((await cluster.send('/models')).body).toEqual(body);
  });

  it('shows the official client the same', async () => {
    const listed = [];
    for await (const model of cluster.client.models.list()) listed.push(model);
    expect(listed).toHaveLength(3);
    expect(await cluster.client.models.retrieve('tiny-rerank')).toEqual(listed[2]);
  });
});

describe('a model', () => {
  const id = 'org/some name:Q4_K_M';

  it('is found by an id with slashes and colons, encoded or not', async () => {
    const { client, url } = await startTestCluster({
      workers: [{ models: [id] }],
      controller: { models: [] },
    });
    expect(await client.models.retrieve(id)).toMatchObject({ id });
    for (const path of [
      encodeURIComponent(id),
      id.replace(' ', '%20'),
      id.replace(' ', '%20').replace(':', '%3A'),
    ]) {
      const answer = await fetch(`${url}/v1/models/${path}`);
      expect([answer.status, await answer.json()]).toMatchObject([200, { id, meta: { slots: 4 } }]);
    }
  });

  it('cannot be deleted', async () => {
    const { client } = await startTestCluster();
    const deleted = client.models.delete('test-model');
    await expect(deleted).rejects.toMatchObject({
      status: 405,
      code: 'method_not_supported',
      type: 'invalid_request_error',
    });
    await expect(deleted).rejects.toThrow('Not allowed to DELETE on /v1/models/test-model; allowed: GET.');
  });

  it('is listed before a worker has joined with it, without what only workers know', async () => {
    const { client } = await startTestCluster({ workers: [], controller: { models: ['coming'] } });
    const model = await client.models.retrieve('coming');
    expect(Object.keys(model).sort()).toEqual(['created', 'id', 'object', 'owned_by']);
  });

  it('has the slots of all workers', async () => {
    const { client } = await startTestCluster({ workers: [{ slots: 3 }, { slots: 5 }] });
    expect(await client.models.retrieve('test-model')).toMatchObject({
      max_model_len: 4096,
      meta: { kind: 'generation', n_ctx: 4096, slots: 8 },
    });
  });
});
