import { expect, it } from 'vitest';
import { judgeFailure } from '../../../../src/controller/recovery/judgeFailure.js';
import { toUpstreamError } from '../../../../src/controller/upstream/upstreamError.js';

const connectError = (code: string) =>
  Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect' });
const params = { promptParam: 'messages' };

it.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL'])(
  '%s is waited out, and held against nobody',
  (code) => {
    expect(judgeFailure(toUpstreamError(connectError(code)), params)).toEqual({
      kind: 'busy',
      reason: 'full',
    });
  },
);

it('a worker that takes no connection has failed', () => {
  expect(judgeFailure(toUpstreamError(connectError('ECONNREFUSED')), params)).toMatchObject({
    kind: 'failed',
    reason: 'unreachable',
  });
});
