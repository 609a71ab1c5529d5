import { request } from 'undici';
import { expect, it } from 'vitest';
import { UsageReport } from '../../../src/protocol/usage.js';
import type { Use } from '../../../src/stores/usageStore.js';
import { adminAuthorization } from '../../support/adminToken.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { startTestCluster } from '../../support/testCluster.js';

const use: Use = {
  key: 'sk-aaaaaaaaaa',
  model: 'test-model',
  isError: false,
  promptTokens: 10,
  cachedTokens: 4,
  completionTokens: 5,
};
const counts = { requests: 1, errors: 0, promptTokens: 10, cachedTokens: 4, completionTokens: 5 };

async function startWithUsage() {
  const { dataDir, usage } = temporaryKeys();
  usage.record(use);
  usage.record({ ...use, model: 'org/another, "quoted"' });
  usage.record({ ...use, key: 'anonymous', model: '=cmd()', isError: true });
  const { url, client } = await startTestCluster({ controller: { dataDir } });
  const read = async (query: string, headers: Record<string, string> = {}) => {
    const answer = await request(`${url}/admin/usage${query}`, {
      headers: { ...adminAuthorization, ...headers },
    });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  const report = async (query: string) => UsageReport.parse(JSON.parse((await read(query)).text));
  return { url, client, read, report, today: new Date().toISOString().slice(0, 10) };
}

it('by day, key and model, with a total, or as they like', async () => {
  const { report, today } = await startWithUsage();
  const key = 'sk-aaaaaaaaaa';
  expect(await report('')).toEqual({
    data: [
      { day: today, key: 'anonymous', model: '=cmd()', ...counts, errors: 1 },
      { day: today, key, model: 'org/another, "quoted"', ...counts },
      { day: today, key, model: 'test-model', ...counts },
    ],
    total: { requests: 3, errors: 1, promptTokens: 30, cachedTokens: 12, completionTokens: 15 },
  });
  const twice = { requests: 2, errors: 0, promptTokens: 20, cachedTokens: 8, completionTokens: 10 };
  expect(await report(`?groupBy=key,day,key&key=${key}`)).toEqual({
    data: [{ key, day: today, ...twice }],
    total: twice,
  });
  expect((await report(`?model=test-model&from=${today}&to=${today}`)).total.requests).toBe(1);
  expect(await report('?to=2020-01-01')).toEqual({
    data: [],
    total: { requests: 0, errors: 0, promptTokens: 0, cachedTokens: 0, completionTokens: 0 },
  });
});

it('as CSV, which no spreadsheet takes for formulas', async () => {
  const { read, today } = await startWithUsage();
  const asked = await read('?groupBy=model&format=csv');
  expect(asked.headers['content-type']).toBe('text/csv; charset=utf-8');
  expect(asked.text).toBe(
    [
      'model,requests,errors,promptTokens,cachedTokens,completionTokens',
      `'=cmd(),1,1,10,4,5`,
      `"org/another, ""quoted""",1,0,10,4,5`,
      'test-model,1,0,10,4,5',
      '',
    ].join('\r\n'),
  );
  const accepted = await read('', { accept: 'text/csv' });
  expect(accepted.text).toContain(`\r\n${today},anonymous,'=cmd(),1,1,10,4,5\r\n`);
  expect((await read('?format=json', { accept: 'text/csv' })).headers['content-type']).toContain(
    'application/json',
  );
});

it('of requests that they have just been answered', async () => {
  const { client, report } = await startWithUsage();
  await client.chat.completions.create({ model: 'test-model', messages: [{ role: 'user', content: 'Hi' }] });
  expect((await report('?key=anonymous&model=test-model')).total).toMatchObject({
    requests: 1,
    promptTokens: 7,
    completionTokens: 4,
  });
});

it.each([
  ['?from=yesterday', 'from'],
  ['?groupBy=hour', 'groupBy'],
  ['?groupBy=', 'groupBy'],
  ['?format=xml', 'format'],
  ['?keys=a', null],
])('and are told what is wrong with %s', async (query, param) => {
  const { read } = await startWithUsage();
  const { status, text } = await read(query);
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({ error: { param } });
});

it('but nobody else does', async () => {
  const { url } = await startWithUsage();
  expect((await request(`${url}/admin/usage`)).statusCode).toBe(401);
});
