import { connect } from 'node:net';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { describeError } from '../../../src/observability/describeError.js';

const canary = 'c4n4ry-7f3a9b';

const thrownBy = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

it.each([
  ['a parser', () => thrownBy(() => JSON.parse(`{"a": ${canary}}`) as unknown), 'SyntaxError'],
  ['a type error', () => thrownBy(() => ((canary as unknown as { x: { y: number } }).x.y = 1)), 'TypeError'],
  ['an invalid URL', () => thrownBy(() => new URL(canary)), 'TypeError (ERR_INVALID_URL)'],
  [
    'an argument',
    () => thrownBy(() => Buffer.from(canary, canary as 'utf8')),
    'TypeError (ERR_UNKNOWN_ENCODING)',
  ],
  ['a message of several lines', () => new Error(`first\n${canary}\n at the end: ${canary}`), 'Error'],
  ['its cause', () => new Error('outside', { cause: new RangeError(canary) }), 'caused by RangeError'],
  ['something else that is thrown', () => canary, 'thrown value is no Error'],
])('%s is named by its kind and its place', (_what, make, kind) => {
  const text = describeError(make());
  expect(text).toContain(kind);
  expect(text).not.toContain(canary);
  if (kind !== 'thrown value is no Error') expect(text).toMatch(/\n\s+at .*errorsAreDescribed.*\.ts:\d+/);
});

it('what the system says is kept', async () => {
  const socket = connect(9, '127.0.0.1');
  const [error] = (await once(socket, 'error').catch((thrown: unknown) => [thrown])) as [Error];
  expect(describeError(error)).toContain('Error: connect ECONNREFUSED 127.0.0.1:9');
});
