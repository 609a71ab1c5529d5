import path from 'node:path';
import Database from 'libsql';
import { expect, it } from 'vitest';
import { migrations } from '../../../src/stores/migrations.js';
import { temporaryStores } from '../../support/temporaryStores.js';

it('and left as they are', () => {
  const temporary = temporaryStores();
  temporary.open().close();
  const file = path.join(temporary.folder, 'store.db');
  const newer = migrations.length + 1;
  const database = new Database(file);
  database.pragma(`user_version = ${newer}`);
  database.close();

  expect(() => temporary.open()).toThrow(
    `has schema version ${newer}, written by a newer ai-cluster: this one knows up to ${migrations.length}`,
  );
  const reopened = new Database(file);
  expect(reopened.pragma('user_version')).toEqual([{ user_version: newer }]);
  reopened.close();
});

it('while the same version is opened as often as one likes', () => {
  const temporary = temporaryStores();
  for (let time = 0; time < 3; time++) temporary.open().close();
  expect(temporary.open().batches.active()).toEqual([]);
});
