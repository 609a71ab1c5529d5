import { expect, it } from 'vitest';
import { checkLines } from '../../../../src/controller/batches/checkLines.js';
import { readLines } from '../../../../src/controller/batches/readLines.js';
import { modelNotFound } from '../../../../src/controller/routes/models.js';
import { streamOf } from '../../../support/temporaryStores.js';

const endpoint = '/v1/chat/completions';

function line(fields: object = {}, body: object = {}): string {
  const custom_id = `r${Math.random()}`;
  return JSON.stringify({
    custom_id,
    method: 'POST',
    url: endpoint,
    body: { model: 'm', ...body },
    ...fields,
  });
}

const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) as object;

function check(...lines: string[]) {
  return checkLines(readLines(streamOf(lines.join('\n')), 10_000), {
    endpoint,
    requireModel: (model) => {
      if (model !== 'm') throw modelNotFound(model);
    },
  });
}

it('a good file has as many requests as lines that are not blank', async () => {
  expect(await check(line(), '', line({}, { stream: false }), line())).toEqual({ total: 3, errors: [] });
});

it.each([
  ['is no JSON', '{"custom_id":', 'invalid_json_line', null],
  ['is nested too deeply', line({}, { tools: nested(600) }), 'invalid_json_line', null],
  ['is no object', '[]', 'invalid_type', null],
  ['has no custom_id', line({ custom_id: undefined }), 'missing_required_parameter', 'custom_id'],
  ['has an empty custom_id', line({ custom_id: '' }), 'empty_string', 'custom_id'],
  ['has a number as custom_id', line({ custom_id: 7 }), 'invalid_type', 'custom_id'],
  ['has another method', line({ method: 'GET' }), 'invalid_value', 'method'],
  ['has no url', line({ url: undefined }), 'missing_required_parameter', 'url'],
  ['asks another endpoint', line({ url: '/v1/completions' }), 'url_mismatch', 'url'],
  ['has no body', line({ body: undefined }), 'missing_required_parameter', 'body'],
  ['has a text as body', line({ body: 'x' }), 'invalid_type', 'body'],
  ['names no model', line({}, { model: undefined }), 'missing_required_parameter', 'body.model'],
  ['names an unknown model', line({}, { model: 'nope' }), 'model_not_found', 'model'],
  ['asks for a stream', line({}, { stream: true }), 'invalid_value', 'body.stream'],
])('a line is named with its number that %s', async (_what, bad, code, param) => {
  const { errors } = await check(line(), '', bad, line());
  expect(errors).toEqual([{ code, message: expect.stringMatching(/\.$/) as string, param, line: 3 }]);
});

it('the second of two equal custom_ids is at fault', async () => {
  const { errors } = await check(
    line({ custom_id: 'a' }),
    line({ custom_id: 'b' }),
    line({ custom_id: 'a' }),
  );
  expect(errors).toMatchObject([{ code: 'duplicate_custom_id', param: 'custom_id', line: 3 }]);
});

it('every bad line is named, up to a hundred', async () => {
  const { errors } = await check(line(), ...Array.from({ length: 200 }, () => 'x'));
  expect(errors).toHaveLength(100);
  expect(errors.at(-1)).toMatchObject({ code: 'invalid_json_line', line: 101 });
});

it('a file without lines, and one with too many, is refused as a whole', async () => {
  expect((await check('', '')).errors).toMatchObject([{ code: 'empty_file', line: null }]);
  // eslint-disable-next-line @typescript-eslint/require-await -- what is streamed is an async iterable
  async function* endless() {
    for (let number = 1; ; number++) yield { number, text: line({ custom_id: String(number) }) };
  }
  const { errors } = await checkLines(endless(), { endpoint, requireModel: () => undefined });
  expect(errors).toEqual([
    { code: 'too_many_tasks', message: 'The file has more than 50000 lines.', param: null, line: null },
  ]);
});

it('errors of the program are not taken for those of a file', async () => {
  const lines = readLines(streamOf(line()), 1000);
  const requireModel = () => {
    throw new Error('broken');
  };
  await expect(checkLines(lines, { endpoint, requireModel })).rejects.toThrow('broken');
});
