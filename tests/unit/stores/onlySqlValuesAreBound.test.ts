import { expect, it, onTestFinished } from 'vitest';
import { openSqlite, type SqlParameters } from '../../../src/stores/sqlite.js';

function openMemory() {
  const database = openSqlite(':memory:');
  onTestFinished(() => database.close());
  return {
    byPosition: database.prepare('SELECT quote(?) AS value'),
    byName: database.prepare('SELECT quote(:value) AS value'),
  };
}

it.each([
  ['a text', "it's", "'it''s'"],
  ['a number', 1.5, '1.5'],
  ['a bigint', 5n, '5'],
  ['null', null, 'NULL'],
  ['bytes', new Uint8Array([1, 255]), "X'01FF'"],
  ['a buffer', Buffer.from('ab'), "X'6162'"],
])('%s is bound, by position and by name', (_name, value, quoted) => {
  const { byPosition, byName } = openMemory();
  for (const method of ['get', 'all'] as const) {
    expect([byPosition[method](value)].flat()).toEqual([expect.objectContaining({ value: quoted })]);
    expect([byName[method]({ value })].flat()).toEqual([expect.objectContaining({ value: quoted })]);
  }
});

// The types forbid all of these. For the first, libsql would end the process.
it.each([
  ['a boolean', true, 'boolean'],
  ['undefined', undefined, 'undefined'],
  ['an object', { a: 1 }, 'object'],
  ['a list', [1], 'object'],
  ['a date', new Date(), 'object'],
  ['a function', () => 1, 'function'],
  ['a symbol', Symbol('s'), 'symbol'],
])('%s is refused, whichever way it comes', (_name, value, type) => {
  const { byPosition, byName } = openMemory();
  const calls: unknown[][] = [['x', value], [{ value }]];
  // Alone, an object is one with names.
  if (!(type === 'object' && Object.getPrototypeOf(value) === Object.prototype)) calls.push([value]);
  for (const call of calls) {
    const parameters = call as unknown as SqlParameters;
    for (const statement of [byPosition, byName]) {
      for (const method of ['run', 'get', 'all'] as const)
        expect(() => statement[method](...parameters)).toThrow(`of a statement is a ${type}`);
    }
  }
});
