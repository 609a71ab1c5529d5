import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSharedStores } from '../../src/stores/openStores.js';

const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));
const run = promisify(execFile);

let folder: string;
let dataDir: string;
let today: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-usage-'));
  dataDir = path.join(folder, 'data');
  const { usage, close } = openSharedStores(path.join(dataDir, 'controller'));
  const use = { model: 'm', isError: false, promptTokens: 1200, cachedTokens: 7, completionTokens: 30 };
  usage.record({ ...use, key: 'sk-aaaaaaaaaa' });
  usage.record({ ...use, key: 'sk-aaaaaaaaaa', isError: true });
  usage.record({ ...use, key: 'sk-bbbbbbbbbb' });
  const nothing = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  usage.record({ key: 'sk-cccccccccc', model: 'unknown', isError: false, ...nothing });
  close();
  today = new Date().toISOString().slice(0, 10);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function usage(...args: string[]) {
  return (await run(process.execPath, [program, 'usage', '--data-dir', dataDir, ...args])).stdout;
}

async function failureOf(...args: string[]) {
  const failed = (await usage(...args).catch((error: unknown) => error)) as { code: number; stderr: string };
  return { code: failed.code, stderr: failed.stderr };
}

it('as a table with a total', async () => {
  expect((await usage()).split('\n').map((line) => line.split(/ +/))).toEqual([
    ['DAY', 'KEY', 'MODEL', 'REQUESTS', 'ERRORS', 'PROMPT', 'CACHED', 'COMPLETION'],
    [today, 'sk-aaaaaaaaaa', 'm', '2', '1', '2400', '14', '60'],
    [today, 'sk-bbbbbbbbbb', 'm', '1', '0', '1200', '7', '30'],
    [today, 'sk-cccccccccc', 'unknown', '1', '0', '0', '0', '0'],
    ['total', '4', '1', '3600', '21', '90'],
    [''],
  ]);
});

it('of one key, as CSV or as JSON', async () => {
  const csv = await usage('--key', 'sk-bbbbbbbbbb', '--by', 'model', '--from', today, '--csv');
  expect(csv).toBe('model,requests,errors,promptTokens,cachedTokens,completionTokens\r\nm,1,0,1200,7,30\r\n');
  const counts = { requests: 1, errors: 0, promptTokens: 1200, cachedTokens: 7, completionTokens: 30 };
  expect(JSON.parse(await usage('--key', 'sk-bbbbbbbbbb', '--by', 'key', '--json'))).toEqual({
    data: [{ key: 'sk-bbbbbbbbbb', ...counts }],
    total: counts,
  });
  expect(JSON.parse(await usage('--to', '2020-01-01', '--json'))).toMatchObject({ data: [] });
});

it('of one model', async () => {
  const ofModel = async (model: string) =>
    (JSON.parse(await usage('--model', model, '--by', 'key', '--json')) as { total: { requests: number } })
      .total;
  expect(await ofModel('m')).toMatchObject({ requests: 3 });
  expect(await ofModel('unknown')).toMatchObject({ requests: 1, promptTokens: 0 });
  expect(await ofModel('another')).toMatchObject({ requests: 0 });
});

it('and says what is wrong with a question', async () => {
  const bad = await failureOf('--from', 'monday', '--by', 'hour');
  expect(bad.code).toBe(2);
  expect(bad.stderr).toContain('--from: "monday" is not accepted; Invalid ISO date');
  expect(bad.stderr).toContain('--by: "hour" is not accepted; expected day, key or model');
  expect(await failureOf('--csv', '--json')).toMatchObject({ code: 2 });
  const elsewhere = path.join(folder, 'elsewhere');
  expect(await failureOf('--data-dir', elsewhere)).toEqual({
    code: 1,
    stderr: `ai-cluster: no controller has stored anything in ${elsewhere}: give its --data-dir\n`,
  });
});
