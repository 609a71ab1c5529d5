import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { internalPaths } from '../../../src/protocol/workerApi.js';
import { clusterAuthorization } from '../../support/clusterToken.js';
import { startTinyWorker, type TinyWorker } from '../../support/tinyWorker.js';

let worker: TinyWorker;
beforeAll(async () => {
  worker = await startTinyWorker();
});
afterAll(() => worker.close());

const calls = ['generate', 'embed', 'rank', 'tokenize', 'detokenize', 'count'] as const;
const post = (path: string, headers: Record<string, string>, body = '{}') =>
  fetch(worker.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });

describe('without the token of the cluster', () => {
  it.each(calls)('%s is refused before anything of it is read', async (name) => {
    for (const body of ['{}', '{ broken']) {
      const response = await post(internalPaths[name], { authorization: 'Bearer another-token' }, body);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
    }
    expect((await post(internalPaths[name], clusterAuthorization)).status).toBe(400);
  });

  it('a path that there is not looks like one that there is', async () => {
    expect((await fetch(`${worker.url}/slots`)).status).toBe(401);
    expect((await fetch(`${worker.url}/slots`, { headers: clusterAuthorization })).status).toBe(404);
  });

  it('/health tells how it is and who it is, and no more', async () => {
    const response = await fetch(`${worker.url}/health`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ready', nodeId: 'worker_1' });
    expect(await worker.health()).toMatchObject({ phase: 'ready', models: [{ id: 'tiny' }, {}, {}] });
  });

  it('/metrics are compressed for who takes that, as Prometheus does', async () => {
    const ask = (encoding: string) =>
      fetch(`${worker.url}/metrics`, { headers: { 'accept-encoding': encoding } });
    const [plain, compressed] = [await ask('identity'), await ask('gzip')];
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(compressed.headers.get('content-encoding')).toBe('gzip');
    expect(compressed.headers.get('content-type')).toBe(plain.headers.get('content-type'));
    expect(await compressed.text()).toContain('ai_cluster_worker_');
  });

  it('/metrics are for this machine, and through a proxy for nobody', async () => {
    const scrape = async (headers: Record<string, string>) =>
      (await fetch(`${worker.url}/metrics`, { headers })).status;
    expect(await scrape({})).toBe(200);
    for (const name of ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'])
      expect(await scrape({ [name]: '127.0.0.1' })).toBe(401);
    expect(await scrape({ 'x-forwarded-for': '192.0.2.1', ...clusterAuthorization })).toBe(200);
  });
});
