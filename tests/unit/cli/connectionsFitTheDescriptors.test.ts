import { expect, it } from 'vitest';
import { connectionLimitOf, readConnectionLimit } from '../../../src/cli/connectionLimit.js';

const limits = (text: string) => `Limit                     Soft Limit           Hard Limit           Units
Max processes             95969                95969                processes
Max open files            ${text}           524288               files     `;

it.each([
  ['1024', 480],
  ['256', 96],
  ['10', 1],
  ['1048576', 8_192],
])('of %s descriptors %i are for clients', (descriptors, connections) => {
  expect(connectionLimitOf(limits(descriptors))).toBe(connections);
});

it.each([
  ['unlimited', limits('unlimited')],
  ['no such file', undefined],
])('%s: a fixed number', (_, text) => {
  expect(connectionLimitOf(text)).toBe(8_192);
});

it('says something here', () => {
  expect(readConnectionLimit()).toBeGreaterThan(0);
});
