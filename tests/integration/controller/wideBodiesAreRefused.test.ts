import { request } from 'undici';
import { expect, it } from 'vitest';
import { startTestCluster } from '../../support/testCluster.js';

const many = (part: string) => `[${`${part},`.repeat(1_000_000)}${part}]`;

/** Wrong in a million places. */
const bodies: [path: string, body: string, message: string][] = [
  ['/v1/chat/completions', `{"model":"test-model","messages":${many('1')}}`, "type for 'messages[0]'"],
  ['/v1/responses', `{"model":"test-model","input":${many('1')}}`, "type for 'input[0]'"],
  ['/v1/completions', `{"model":"test-model","prompt":${many('null')}}`, "'prompt'"],
  ['/v1/embeddings', `{"model":"test-model","input":${many('-1')}}`, "'input"],
  ['/v1/responses', `{"model":"test-model","input":${many('{}')}}`, 'at most 1000000 arrays and objects'],
  ['/v1/batches', `{"input_file_id":"file-a","x":${many('[]')}}`, 'at most 1000000 arrays and objects'],
];

it('in a moment, and whatever else runs goes on', async () => {
  const { url } = await startTestCluster();
  for (const [path, body, message] of bodies) {
    const headers = { 'content-type': 'application/json' };
    const answer = await request(url + path, { method: 'POST', headers, body });
    expect({ status: answer.statusCode, text: await answer.body.text() }).toMatchObject({
      status: 400,
      text: expect.stringContaining(message) as string,
    });
  }
}, 120_000);
