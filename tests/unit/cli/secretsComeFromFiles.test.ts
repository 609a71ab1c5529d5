import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readOrCreateSecret, takeGivenSecret } from '../../../src/cli/secretFiles.js';
import { ConfigError } from '../../../src/config/config.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ai-cluster-secrets-'));
  file = path.join(folder, 'data', 'cluster-token');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const thrownBy = (run: () => unknown): Error => {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

describe('the secret of an installation', () => {
  it('is made at the first start: 32 random bytes that only the owner can read', () => {
    const secret = readOrCreateSecret({ file, given: undefined });
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toBe(`${secret}\n`);
    expect(readdirSync(path.dirname(file))).toEqual(['cluster-token']);
  });

  it('stays the same, and is another one elsewhere', () => {
    const secret = readOrCreateSecret({ file, given: undefined });
    expect(readOrCreateSecret({ file, given: undefined })).toBe(secret);
    expect(readOrCreateSecret({ file: `${file}-2`, given: undefined })).not.toBe(secret);
  });

  it('is the one that was given, and then none is made', () => {
    expect(readOrCreateSecret({ file, given: 'a-secret-that-was-given' })).toBe('a-secret-that-was-given');
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(['', 'short', 'two words of a secret', 'a-secret\nof-two-lines', 'ein-schlüssel-mit-umlaut'])(
    'is refused where the file holds %j, without a word of it',
    (text) => {
      const bad = path.join(folder, 'bad');
      writeFileSync(bad, text);
      const { message } = thrownBy(() => readOrCreateSecret({ file: bad, given: undefined }));
      expect(message).toContain(`${bad} holds no secret`);
      if (text !== '') expect(message).not.toContain(text);
    },
  );

  it('cannot be made where no file can be', () => {
    const place = path.join(folder, 'file');
    writeFileSync(place, '');
    const { message } = thrownBy(() =>
      readOrCreateSecret({ file: path.join(place, 'token'), given: undefined }),
    );
    expect(message).toContain(path.join(place, 'token'));
  });
});

describe('a secret that is given', () => {
  const variable = 'AI_CLUSTER_CLUSTER_TOKEN';
  const flag = '--cluster-token-file';
  const secret = 'a-secret-that-was-given';

  it('is taken out of the environment, so that no child inherits it', () => {
    const environment = { [variable]: secret, PATH: '/bin' };
    expect(takeGivenSecret(environment, { variable, flag, file: undefined })).toBe(secret);
    expect(environment).toEqual({ PATH: '/bin' });
  });

  it('is read from a file, with the line break that editors put there', () => {
    const given = path.join(folder, 'given');
    writeFileSync(given, `${secret}\n`);
    expect(takeGivenSecret({}, { variable, flag, file: given })).toBe(secret);
  });

  it('is nothing where nothing was given, or a variable of no text', () => {
    expect(takeGivenSecret({}, { variable, flag, file: undefined })).toBeUndefined();
    expect(takeGivenSecret({ [variable]: '' }, { variable, flag, file: undefined })).toBeUndefined();
  });

  it.each([
    ['a file that is not there', {}, '/nowhere/token', `${flag}: there is no file /nowhere/token`],
    ['a folder', {}, tmpdir(), `${flag}: ${tmpdir()} cannot be read (EISDIR)`],
    ['both', { [variable]: secret }, '/nowhere/token', `${flag}: ${variable} is set, too`],
    [
      'a bad text',
      { [variable]: 'bad text that no header takes' },
      undefined,
      `${variable}: a secret is one line`,
    ],
  ])('is a bad setting where it is %s', (_what, environment, given, message) => {
    const error = thrownBy(() => takeGivenSecret({ ...environment }, { variable, flag, file: given }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain(secret);
    expect(error.message).not.toContain('bad text');
  });
});
