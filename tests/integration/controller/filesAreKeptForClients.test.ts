import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import OpenAI, { toFile } from 'openai';
import { request } from 'undici';
import { expect, it } from 'vitest';
import type { ControllerOptions } from '../../../src/controller/controllerOptions.js';
import { eventually } from '../../support/eventually.js';
import { startTestCluster, testControllerOptions, type TestCluster } from '../../support/testCluster.js';

async function upload(
  client: OpenAI,
  text: string,
  fields: Partial<OpenAI.FileCreateParams> = {},
  name = 'notes.txt',
): Promise<OpenAI.FileObject> {
  return client.files.create({
    file: await toFile(Buffer.from(text), name),
    purpose: 'user_data',
    ...fields,
  });
}

async function startWithFolder(
  options: Partial<ControllerOptions> = {},
): Promise<TestCluster & { stored(): string[] }> {
  const { dataDir } = testControllerOptions;
  const cluster = await startTestCluster({ controller: { dataDir, ...options } });
  return { ...cluster, stored: () => readdirSync(path.join(dataDir, 'files')) };
}

async function failureOf(promise: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OpenAI.APIError)) throw new Error(`not an API error: ${String(error)}`);
  return error;
}

it('a file is uploaded, listed, looked up, downloaded as it was and deleted', async () => {
  const { client, stored } = await startWithFolder();
  const text = `Grüße\u0000${'x'.repeat(300_000)}\r\n`;
  const file = await upload(client, text, { purpose: 'assistants' }, 'Grüße aus Köln.txt');
  expect(file).toEqual({
    id: expect.stringMatching(/^file-/) as string,
    object: 'file',
    bytes: Buffer.byteLength(text),
    created_at: expect.any(Number) as number,
    expires_at: null,
    filename: 'Grüße aus Köln.txt',
    purpose: 'assistants',
    status: 'processed',
  });
  expect(Math.abs(file.created_at - Date.now() / 1000)).toBeLessThan(60);
  expect(await client.files.retrieve(file.id)).toEqual(file);
  expect((await client.files.list()).data).toEqual([file]);

  const content = await client.files.content(file.id);
  expect(content.headers.get('content-type')).toBe('application/octet-stream');
  expect(content.headers.get('content-length')).toBe(String(file.bytes));
  expect(content.headers.get('x-content-type-options')).toBe('nosniff');
  expect(await content.text()).toBe(text);

  expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
  expect(stored()).toEqual([]);
  for (const call of [
    client.files.retrieve(file.id),
    client.files.content(file.id),
    client.files.delete(file.id),
  ]) {
    expect(await failureOf(call)).toMatchObject({
      status: 404,
      type: 'invalid_request_error',
      code: null,
      param: 'id',
      message: `404 No such File object: ${file.id}`,
    });
  }
});

it('input of batches expires after 30 days, other files when it is asked for', async () => {
  const { client } = await startWithFolder();
  const batch = await upload(client, '{}', { purpose: 'batch' });
  expect(batch.expires_at).toBe(batch.created_at + 2_592_000);
  const short = await upload(client, '{}', { expires_after: { anchor: 'created_at', seconds: 3600 } });
  expect(short.expires_at).toBe(short.created_at + 3600);
});

it("the client's pager goes through all pages once, in both orders, for one purpose or all", async () => {
  const { url, client } = await startWithFolder();
  expect((await client.files.list()).data).toEqual([]);
  const ids: string[] = [];
  for (const purpose of ['evals', 'vision', 'evals', 'evals', 'evals'] as const)
    ids.push((await upload(client, 'x', { purpose })).id);

  const collect = async (query: OpenAI.FileListParams) => {
    const found: string[] = [];
    for await (const { id } of client.files.list(query)) found.push(id);
    return found;
  };
  expect(await collect({ limit: 2, order: 'asc' })).toEqual(ids);
  expect(await collect({ limit: 2 })).toEqual(ids.toReversed());
  expect(await collect({ limit: 1, order: 'asc', purpose: 'evals' })).toEqual([
    ids[0],
    ids[2],
    ids[3],
    ids[4],
  ]);

  // The official client drops these two.
  const pageOf = async (query: string) => (await request(`${url}/v1/files?${query}`)).body.json();
  expect(await pageOf('limit=2&order=asc')).toMatchObject({
    object: 'list',
    first_id: ids[0],
    last_id: ids[1],
    has_more: true,
  });
  expect(await pageOf(`limit=2&order=asc&after=${ids[2]}`)).toMatchObject({
    first_id: ids[3],
    last_id: ids[4],
    has_more: false,
  });
  expect(await pageOf('purpose=batch')).toEqual({
    object: 'list',
    data: [],
    first_id: null,
    last_id: null,
    has_more: false,
  });
  for (const query of ['limit=0', 'limit=10001', 'limit=many', 'order=up']) {
    expect(await pageOf(query)).toMatchObject({ error: { type: 'invalid_request_error' } });
  }

  // The usual way to clean up; each page begins behind a file that is gone.
  for await (const { id } of client.files.list({ limit: 2 })) await client.files.delete(id);
  expect(await collect({})).toEqual([]);
});

it.each([
  ['no purpose', { purpose: undefined }, 'missing_required_parameter', 'purpose'],
  ['an unknown purpose', { purpose: 'fun' }, 'invalid_value', 'purpose'],
  [
    'too short a life',
    { expires_after: { anchor: 'created_at', seconds: 60 } },
    'integer_below_min_value',
    'expires_after.seconds',
  ],
  [
    'too long a life',
    { expires_after: { anchor: 'created_at', seconds: 2_592_001 } },
    'integer_above_max_value',
    'expires_after.seconds',
  ],
  [
    'a life that is no number',
    { expires_after: { anchor: 'created_at', seconds: 'long' } },
    'invalid_type',
    'expires_after.seconds',
  ],
  ['no anchor', { expires_after: { seconds: 3600 } }, 'missing_required_parameter', 'expires_after.anchor'],
])('an upload with %s is refused and leaves nothing', async (_what, fields, code, param) => {
  const { client, stored } = await startWithFolder();
  const error = await failureOf(upload(client, 'x', fields as Partial<OpenAI.FileCreateParams>));
  expect(error).toMatchObject({ status: 400, code, param });
  expect(stored()).toEqual([]);
});

it('a file of the largest size is taken, one byte more is not', async () => {
  const { client, stored } = await startWithFolder({ maxFileBytes: 100_000 });
  await upload(client, 'x'.repeat(100_000));
  expect(await failureOf(upload(client, 'x'.repeat(100_001)))).toMatchObject({
    status: 413,
    message: '413 The file is too large: at most 100000 bytes are accepted.',
  });
  expect(await failureOf(upload(client, 'x'.repeat(3_000_000)))).toMatchObject({ status: 413 });
  expect(stored()).toHaveLength(1);
});

it('forms that are broken are refused in words, and leave nothing', async () => {
  const { url, stored } = await startWithFolder();
  const post = async (contentType: string, body: string, headers: Record<string, string> = {}) => {
    const answer = await request(`${url}/v1/files`, {
      method: 'POST',
      headers: { 'content-type': contentType, ...headers },
      body,
    });
    return { ...((await answer.body.json()) as object), status: answer.statusCode };
  };
  const form = 'multipart/form-data; boundary=cut';
  const file = '--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhello';
  const purpose = '--cut\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nevals\r\n';

  expect(await post('application/json', '{}')).toMatchObject({ status: 415 });
  expect(await post('multipart/form-data', 'x')).toMatchObject({ status: 400 });
  expect(await post(form, 'x')).toMatchObject({ status: 400 });
  expect(await post(form, file)).toMatchObject({ status: 400 });
  expect(await post(form, `${purpose}--cut--`)).toMatchObject({ status: 400, error: { param: 'file' } });
  expect(await post(form, `${file}\r\n--cut--`)).toMatchObject({ status: 400, error: { param: 'purpose' } });
  expect(await post(form, `${purpose}${file}\r\n${file}\r\n--cut--`)).toMatchObject({
    status: 400,
    error: { message: "Send one file, as the part 'file' of the form." },
  });
  expect(await post(form, `${purpose.repeat(33)}${file}\r\n--cut--`)).toMatchObject({
    status: 400,
    error: { message: 'The form has more than 32 fields.' },
  });
  expect(await post(form, `${purpose.replaceAll('purpose', 'file')}--cut--`)).toMatchObject({
    status: 400,
    error: {
      message: "Invalid type for 'file': expected a file, but got a string instead.",
      param: 'file',
      code: 'invalid_type',
    },
  });
  expect(await post(form, `${purpose}${file}\r\n--cut--`, { origin: 'https://example.org' })).toMatchObject({
    status: 403,
    error: { code: 'origin_not_allowed' },
  });
  expect(stored()).toEqual([]);
  expect(await post(form, `${purpose}${file}\r\n--cut--`, { origin: url })).toMatchObject({
    status: 200,
    bytes: 5,
  });
  expect(stored()).toHaveLength(1);
});

it('an upload whose client leaves in the middle leaves nothing', async () => {
  const { url, stored, log, client } = await startWithFolder();
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST /v1/files HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: multipart/form-data; boundary=cut\r\n` +
      'content-length: 1000000\r\n\r\n' +
      `--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n${'x'.repeat(200_000)}`,
  );
  await eventually(() => expect(stored()).toEqual([expect.stringMatching(/\.part$/)]));
  socket.destroy();
  await eventually(() => expect(stored()).toEqual([]));
  await eventually(() =>
    expect(log.entries()).toContainEqual(
      expect.objectContaining({ level: 'info', path: '/v1/files', status: 499 }),
    ),
  );
  expect((await client.files.list()).data).toEqual([]);
});

it('a download whose client leaves is no error of the server', async () => {
  const { url, client, log } = await startWithFolder();
  const { id } = await upload(client, 'x'.repeat(20_000_000));
  const answer = await request(`${url}/v1/files/${id}/content`);
  answer.body.destroy();
  await eventually(() =>
    expect(log.entries()).toContainEqual(expect.objectContaining({ path: '/v1/files/:id/content' })),
  );
  expect(log.entries().filter(({ level }) => level === 'error')).toEqual([]);
});

it('a download whose client takes nothing is cut, as a stream is', async () => {
  const { url, client, log } = await startWithFolder({ streamTimings: { stallTimeoutMs: 100 } });
  const { id } = await upload(client, 'x'.repeat(20_000_000));
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).pause();
  socket.write(`GET /v1/files/${id}/content HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`);
  await eventually(() =>
    expect(log.entries()).toContainEqual(expect.objectContaining({ path: '/v1/files/:id/content' })),
  );
  expect(log.entries().filter(({ level }) => level === 'error')).toEqual([]);
  socket.destroy();
});

it('what a controller left unfinished is swept by the next one, and its files are still there', async () => {
  const { dataDir } = testControllerOptions;
  const first = await startTestCluster({ controller: { dataDir } });
  const { id } = await upload(first.client, 'kept');
  await first.close();
  const second = await startTestCluster({ controller: { dataDir } });
  expect(await (await second.client.files.content(id)).text()).toBe('kept');
});

it('the routes exist without /v1, and other methods are refused', async () => {
  const { url, client } = await startWithFolder();
  const { id } = await upload(client, 'x');
  for (const route of ['/files', `/files/${id}`, `/files/${id}/content`]) {
    const answer = await request(url + route);
    expect(answer.statusCode).toBe(200);
    await answer.body.dump();
  }
  const answer = await request(`${url}/v1/files/${id}`, { method: 'PUT' });
  expect(answer.statusCode).toBe(405);
  expect(answer.headers['allow']).toBe('GET, DELETE');
  await answer.body.dump();
});
