import OpenAI from 'openai';
import { request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { FakeWorkerOptions } from '../../support/fakeWorker.js';
import { eventually } from '../../support/eventually.js';
import { temporaryKeys, type TemporaryKeys } from '../../support/temporaryKeys.js';
import { startTestCluster, type TestCluster } from '../../support/testCluster.js';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const params = { model: 'test-model', messages };

async function startClosedCluster(workers: FakeWorkerOptions[] = [{}]) {
  const keys = temporaryKeys();
  const first = keys.create({ name: 'first' });
  const cluster = await startTestCluster({ workers, controller: { dataDir: keys.dataDir } });
  return { cluster, keys, first };
}

const clientWith = (cluster: TestCluster, apiKey: string) =>
  new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey, maxRetries: 0 });

/** What the official client makes of a key. */
async function tryKey(cluster: TestCluster, apiKey: string): Promise<unknown> {
  return clientWith(cluster, apiKey)
    .chat.completions.create(params)
    .then(
      () => 'ok',
      (error: unknown) => error,
    );
}

/** Every way in which a key does not work. */
function badKeys({ create, store }: TemporaryKeys): Record<string, string> {
  const [wrong, expired, disabled, revoked, rotated] = [
    create(),
    create({ expiresAt: '2020-01-01T00:00:00Z' }),
    create(),
    create(),
    create(),
  ];
  store.disable(disabled.key.id);
  store.revoke(revoked.key.id);
  store.rotate(rotated.key.id);
  return {
    'with a wrong secret': wrong.text.slice(0, -4) + 'AAAA',
    'that was never there': `sk-0000000000-${'A'.repeat(43)}`,
    'that is none': 'nonsense',
    'that has expired': expired.text,
    'that is disabled': disabled.text,
    'that is revoked': revoked.text,
    'that was rotated': rotated.text,
  };
}

describe("for OpenAI's client", () => {
  it('a key that works answers, and each other one is an authentication error with the same body', async () => {
    const keys = temporaryKeys();
    const { text } = keys.create();
    const bad = badKeys(keys);
    const cluster = await startTestCluster({ controller: { dataDir: keys.dataDir } });
    expect(await tryKey(cluster, text)).toBe('ok');
    const bodies = new Set<string>();
    for (const [what, apiKey] of Object.entries(bad)) {
      const error = await tryKey(cluster, apiKey);
      expect(error, what).toBeInstanceOf(OpenAI.AuthenticationError);
      expect(error, what).toMatchObject({
        status: 401,
        code: 'invalid_api_key',
        type: 'invalid_request_error',
        requestID: expect.stringMatching(/^req_/) as string,
      });
      const answer = await request(`${cluster.url}/v1/models`, {
        headers: { authorization: `Bearer ${apiKey}` },
      });
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      bodies.add(await answer.body.text());
    }
    expect(bodies.size).toBe(1);
  });

  it('a key that is missing has a text of its own', async () => {
    const { cluster } = await startClosedCluster();
    for (const authorization of [undefined, 'Bearer', 'Bearer ', 'Basic dXNlcjpwYXNz', 'sk-abc']) {
      const answer = await request(`${cluster.url}/v1/models`, {
        headers: { ...(authorization !== undefined && { authorization }) },
      });
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(await answer.body.json()).toEqual({
        error: {
          message: expect.stringContaining('No API key was given') as string,
          type: 'invalid_request_error',
          param: null,
          code: null,
        },
      });
    }
  });
});

it("Anthropic's way of sending a key works, and its errors are Anthropic's", async () => {
  const { cluster, first } = await startClosedCluster();
  const ask = async (path: string, headers: Record<string, string>) => {
    const answer = await request(`${cluster.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ ...params, max_tokens: 5 }),
    });
    return { status: answer.statusCode, body: await answer.body.json() };
  };
  for (const path of ['/v1/messages', '/messages', '/v1/chat/completions']) {
    expect(await ask(path, { 'x-api-key': first.text })).toMatchObject({ status: 200 });
  }
  for (const headers of [{ 'x-api-key': 'sk-ant-wrong' }, {}]) {
    for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
      expect(await ask(path, headers as Record<string, string>)).toEqual({
        status: 401,
        body: {
          type: 'error',
          error: { type: 'authentication_error', message: expect.any(String) as string },
          request_id: expect.stringMatching(/^req_/) as string,
        },
      });
    }
  }
});

describe('the door', () => {
  it('is in front of every route of clients, its body and its method', async () => {
    const { cluster } = await startClosedCluster();
    const paths = [
      ...['/v1/chat/completions', '/completions', '/v1/responses', '/v1/responses/x', '/v1/embeddings'],
      ...['/v2/rerank', '/rerank', '/tokenize', '/v1/detokenize', '/v1/messages/count_tokens'],
      ...[
        '/models',
        '/v1/models/test-model',
        '/v1/files',
        '/files/x/content',
        '/v1/batches',
        '/batches/x/cancel',
      ],
    ];
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'HEAD'] as const) {
        const answer = await request(cluster.url + path, {
          method,
          headers: { 'content-type': 'application/json' },
          ...(method === 'POST' && { body: '{"broken' }),
        });
        await answer.body.dump();
        expect(answer.statusCode, `${method} ${path}`).toBe(401);
      }
    }
    for (const path of ['/health', '/ready', '/docs', '/openapi.json']) {
      const answer = await request(cluster.url + path);
      expect(answer.statusCode).toBe(200);
      // Which models there are is for those who may use them.
      expect(await answer.body.text()).not.toContain('test-model');
    }
  });

  it('is open while there are no keys, whatever a client sends, and closes with the first one', async () => {
    const keys = temporaryKeys();
    const cluster = await startTestCluster({ controller: { dataDir: keys.dataDir } });
    expect(await tryKey(cluster, 'anything')).toBe('ok');
    const { text } = keys.create();
    await eventually(async () => expect(await tryKey(cluster, 'anything')).toMatchObject({ status: 401 }));
    expect(await tryKey(cluster, text)).toBe('ok');
  });

  it('closes for a revoked key within a second, and stays closed when it was the last one', async () => {
    const { cluster, keys, first } = await startClosedCluster();
    expect(await tryKey(cluster, first.text)).toBe('ok');
    keys.store.revoke(first.key.id);
    const revokedAt = performance.now();
    await eventually(async () => expect(await tryKey(cluster, first.text)).toMatchObject({ status: 401 }));
    // As long as the machine does something else, the timer cannot run.
    expect(performance.now() - revokedAt).toBeLessThan(3_000);
    expect(await tryKey(cluster, 'anything')).toMatchObject({ status: 401, code: 'invalid_api_key' });
  });
});

describe('the models of a key', () => {
  it('are all that there are for it', async () => {
    const { cluster, keys } = await startClosedCluster([{ models: ['test-model'] }, { models: ['other'] }]);
    const all = clientWith(cluster, keys.create().text);
    const restricted = clientWith(cluster, keys.create({ models: ['other', 'gone'] }).text);
    await eventually(async () =>
      expect((await restricted.models.list()).data.map(({ id }) => id)).toEqual(['other']),
    );
    expect((await all.models.list()).data.map(({ id }) => id)).toEqual(['test-model', 'other']);

    expect((await restricted.chat.completions.create({ ...params, model: 'other' })).model).toBe('other');
    const thrownBy = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
    for (const [model, same] of [['test-model', 'nowhere']] as const) {
      const attempts = (id: string) => [
        restricted.chat.completions.create({ ...params, model: id }),
        restricted.completions.create({ model: id, prompt: 'x' }),
        restricted.responses.create({ model: id, input: 'x' }),
        restricted.post('/responses/input_tokens', { body: { model: id, input: 'x' } }),
        restricted.post('/messages/count_tokens', { body: { model: id, messages } }),
        restricted.post('/messages', { body: { model: id, messages, max_tokens: 5 } }),
        restricted.embeddings.create({ model: id, input: 'x' }),
        restricted.post('/rerank', { body: { model: id, query: 'x', documents: ['x'] } }),
        restricted.post('/tokenize', { body: { model: id, content: 'x' } }),
        restricted.post('/detokenize', { body: { model: id, tokens: [1] } }),
        restricted.models.retrieve(id),
      ];
      const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
      const forbidden = await Promise.all(attempts(model).map(thrownBy));
      const missing = await Promise.all(attempts(same).map(thrownBy));
      expect(forbidden).toEqual(forbidden.map(() => expect.objectContaining({ status: 404 }) as unknown));
      expect(forbidden.map(textOf)).toEqual(missing.map((error) => textOf(error).replaceAll(same, model)));
    }
    // With one model to choose from, a request without its name means that.
    const answer = await restricted
      .post('/tokenize', { body: { content: 'x' } })
      .catch((error: unknown) => error);
    expect(answer).not.toMatchObject({ status: 400 });
  });
});

describe('what operators see', () => {
  it('is who asked and what came of it, and series go with their key', async () => {
    const { cluster, keys, first } = await startClosedCluster();
    const label = `key_id="${first.key.id}"`;
    const samples = async () => (await cluster.metrics()).split('\n').filter((line) => line.includes(label));
    const before = await samples();
    expect(before).toContain(`ai_cluster_api_key_requests_total{${label},status="success"} 0`);
    expect(before).toContain(`ai_cluster_api_key_rate_limit_hits_total{${label}} 0`);

    const expired = keys.create({ expiresAt: '2020-01-01T00:00:00Z' });
    const disabled = keys.create();
    keys.store.disable(disabled.key.id);
    const revoked = keys.create();
    keys.store.revoke(revoked.key.id);
    await eventually(async () => expect(await cluster.metrics()).toContain(expired.key.id));
    for (const { text } of [first, expired, disabled, revoked]) await tryKey(cluster, text);
    await tryKey(cluster, 'nonsense');
    await request(`${cluster.url}/v1/models`).then(({ body }) => body.dump());

    const attempts = (await cluster.metrics())
      .split('\n')
      .filter((line) => line.startsWith('ai_cluster_auth_attempts_total{'))
      .map((line) => line.slice('ai_cluster_auth_attempts_total'.length));
    expect(attempts).toEqual([
      '{result="ok"} 1',
      '{result="missing"} 1',
      '{result="invalid"} 1',
      '{result="expired"} 1',
      '{result="revoked"} 2',
    ]);
    expect(await samples()).toContain(`ai_cluster_api_key_requests_total{${label},status="success"} 1`);
    expect(await cluster.metrics()).not.toContain(revoked.key.id);
    await eventually(() => {
      const entries = cluster.log.entries();
      expect(entries).toContainEqual(
        expect.objectContaining({ message: 'request', status: 200, keyId: first.key.id }),
      );
      const refusals = entries.filter(({ message }) => message === 'api key refused');
      expect(refusals.map(({ keyId, reason }) => ({ keyId, reason }))).toEqual([
        { keyId: expired.key.id, reason: 'expired' },
        { keyId: disabled.key.id, reason: 'disabled' },
        { keyId: revoked.key.id, reason: 'revoked' },
      ]);
    });

    keys.store.revoke(first.key.id);
    await eventually(async () => expect(await samples()).toEqual([]));
  });

  it('has the text of no key, nor a part of it', async () => {
    const { cluster, keys } = await startClosedCluster();
    const bad = badKeys(keys);
    const good = keys.create();
    await eventually(async () => expect(await tryKey(cluster, good.text)).toBe('ok'));
    const secrets = [good.text, ...Object.values(bad)]
      .filter((text) => text !== 'nonsense')
      .map((text) => text.slice('sk-0123456789-'.length, -8));
    const seen: string[] = [];
    for (const text of [good.text, ...Object.values(bad)]) {
      for (const headers of [{ authorization: `Bearer ${text}` }, { 'x-api-key': text }]) {
        for (const path of [
          `/v1/models/${text}`,
          `/v1/${text}`,
          `/v1/files/${text}?key=${text}`,
          '/v1/models',
        ]) {
          const answer = await request(cluster.url + path, { headers });
          const own = JSON.stringify(answer.headers) + (await answer.body.text());
          // What was asked for may be named to who asked for it with a key that works.
          if (answer.statusCode === 401) seen.push(own);
        }
      }
    }
    seen.push(cluster.log.text(), await cluster.metrics(), JSON.stringify(await cluster.status()));
    for (const secret of secrets) expect(seen.join('\n')).not.toContain(secret);
  });
});
