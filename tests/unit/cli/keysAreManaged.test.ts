import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createProgram } from '../../../src/cli/program.js';
import { ConfigError } from '../../../src/config/config.js';
import { ApiKeySettings, type ApiKey, type NewApiKey } from '../../../src/protocol/apiKeys.js';
import { openSharedStores } from '../../../src/stores/openStores.js';

/** The command line with a data folder of its own. */
function startCommandLine() {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'ai-cluster-keys-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));

  async function run(...args: string[]): Promise<{ stdout: string; stderr: string; error: unknown }> {
    const written = { stdout: '', stderr: '' };
    const spies = (['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        written[name] += String(text);
        return true;
      }),
    );
    const error: unknown = await createProgram({ AI_CLUSTER_DATA_DIR: dataDir })
      .parseAsync(['keys', ...args], { from: 'user' })
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    for (const spy of spies) spy.mockRestore();
    return { ...written, error };
  }

  async function runJson<T>(...args: string[]): Promise<T> {
    const { stdout, error } = await run(...args, '--json');
    if (error !== undefined) throw error as Error;
    return JSON.parse(stdout) as T;
  }

  return { dataDir, run, runJson };
}

const everyFlag = {
  '--models': ['a, b', ['a', 'b']],
  '--requests-per-minute': ['60', 60],
  '--tokens-per-minute': ['1000', 1000],
  '--concurrent-requests': ['4', 4],
  '--tokens-per-day': ['5000', 5000],
  '--tokens-per-month': ['6000', 6000],
  '--priority': ['batch', 'batch'],
  '--weight': ['2.5', 2.5],
  '--cache-sharing': ['all', 'all'],
  '--expires': ['2100-12-31T18:00:00Z', '2100-12-31T18:00:00.000Z'],
} as const;

describe('ai-cluster keys', () => {
  it('makes a key, whose text alone is on stdout, and never shows it again', async () => {
    const { run, runJson, dataDir } = startCommandLine();
    const { stdout, stderr } = await run('create', 'My laptop');
    expect(stdout).toMatch(/^sk-[a-z0-9]{10}-[\w-]{43}\n$/);
    const id = stdout.slice(0, 13);
    expect(stderr).toBe(`${id} (My laptop). The key is not shown again: keep it now.\n`);
    const secret = stdout.trim().slice(14);
    for (const args of [
      ['list'],
      ['list', '--json'],
      ['show', id],
      ['show', id, '--json'],
      ['disable', id],
    ]) {
      const again = await run(...args);
      expect(again.stdout).toContain(id);
      expect(again.stdout + again.stderr).not.toContain(secret);
    }
    expect((await runJson<ApiKey>('show', id)).name).toBe('My laptop');
    expect(existsSync(path.join(dataDir, 'controller', 'store.db'))).toBe(true);
  });

  it('has a flag for every setting, to make a key with and to change it', async () => {
    const { run, runJson } = startCommandLine();
    const flags = Object.entries(everyFlag).flatMap(([flag, [text]]) => [flag, text]);
    const made = await runJson<NewApiKey>('create', 'all', ...flags);
    const { id } = made;
    const values = Object.values(everyFlag).map(([, value]) => value);
    const valuesOf = (key: ApiKey) =>
      (Object.keys(ApiKeySettings.shape) as (keyof ApiKeySettings)[]).slice(1).map((name) => key[name]);
    expect(valuesOf(made)).toEqual(values);
    const plain = await runJson<NewApiKey>('create', 'plain');
    expect(valuesOf(await runJson<ApiKey>('update', plain.id, ...flags))).toEqual(values);
    const back = [
      '--models',
      'all',
      '--requests-per-minute',
      'none',
      '--expires',
      'never',
      '--name',
      'other',
    ];
    expect(await runJson<ApiKey>('update', id, ...back)).toMatchObject({
      name: 'other',
      models: null,
      requestsPerMinute: null,
      expiresAt: null,
      weight: 2.5,
    });
    expect((await run('update', id, '--weight', '3')).stdout).toMatch(/^weight +3$/m);
  });

  it('lists keys for people and for programs', async () => {
    const { run, runJson } = startCommandLine();
    const first = await runJson<NewApiKey>('create', 'blue', '--requests-per-minute', '60', '--models', 'm');
    const second = await runJson<NewApiKey>('create', 'red', '--expires', '2020-01-01');
    const third = await runJson<NewApiKey>('create', 'green');
    await run('revoke', third.id);
    expect((await run('list')).stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['ID', 'NAME', 'STATE', 'MODELS', 'LIMITS', 'PRIORITY', 'EXPIRES'],
      [first.id, 'blue', 'active', 'm', '60 requests/min', 'normal', 'never'],
      [second.id, 'red', 'expired', 'all', 'none', 'normal', '2020-01-01T00:00:00.000Z'],
      [third.id, 'green', 'revoked', 'all', 'none', 'normal', 'never'],
      [''],
    ]);
    const { keys } = await runJson<{ keys: ApiKey[] }>('list');
    expect(keys.map(({ name, state }) => [name, state])).toEqual([
      ['blue', 'active'],
      ['red', 'active'],
      ['green', 'revoked'],
    ]);
  });

  it('rotates, disables, enables and revokes', async () => {
    const { run, runJson, dataDir } = startCommandLine();
    const { id, key } = await runJson<NewApiKey>('create', 'a');
    const { stdout, stderr } = await run('rotate', id);
    expect(stdout).toMatch(new RegExp(`^${id}-[\\w-]{43}\n$`));
    expect(stdout.trim()).not.toBe(key);
    expect(stderr).toBe(
      `${id}: the old secret opens nothing any more. The key is not shown again: keep it now.\n`,
    );
    expect((await run('disable', id)).stdout).toBe(`${id} (a): disabled\n`);
    expect((await run('enable', id)).stdout).toBe(`${id} (a): works again\n`);
    expect((await run('revoke', id)).stdout).toBe(`${id} (a): revoked for good\n`);
    expect((await runJson<ApiKey>('revoke', id)).state).toBe('revoked');
    for (const args of [
      ['enable', id],
      ['disable', id],
      ['rotate', id],
      ['update', id, '--weight', '2'],
    ]) {
      expect((await run(...args)).error).toMatchObject({
        message: `${id} is revoked, which is for good; make another one with: ai-cluster keys create <name>`,
      });
    }
    const { keys, close } = openSharedStores(path.join(dataDir, 'controller'));
    expect(keys.list()).toHaveLength(1);
    close();
  });

  it('takes days and hours from now for an expiry', async () => {
    const { runJson } = startCommandLine();
    for (const [text, hours] of [
      ['12h', 12],
      ['90d', 90 * 24],
    ] as const) {
      const before = Date.now();
      const { expiresAt } = await runJson<NewApiKey>('create', 'x', '--expires', text);
      const ms = Date.parse(String(expiresAt)) - hours * 3_600_000;
      expect(ms).toBeGreaterThanOrEqual(before);
      expect(ms).toBeLessThanOrEqual(Date.now());
    }
  });
});

describe('what is not accepted', () => {
  it('is named all at once, with what is', async () => {
    const { run, dataDir } = startCommandLine();
    const bad = {
      '--models': ['', ',', 'a,,b'],
      '--requests-per-minute': ['0', '-1', '1.5', 'many', '', '1e99'],
      '--concurrent-requests': ['unlimited'],
      '--priority': ['high', ''],
      '--weight': ['0', '101', 'heavy', ''],
      '--cache-sharing': ['some'],
      '--expires': ['tomorrow', '90', '31.12.2030', '2030-13-01', '-5d', ''],
    };
    for (const [flag, texts] of Object.entries(bad)) {
      for (const text of texts) {
        const { error, stdout } = await run(
          'create',
          'x',
          `${flag}=${text}`,
          '--tokens-per-day',
          'none at all',
        );
        expect(error, `${flag} ${text}`).toBeInstanceOf(ConfigError);
        const [first, second] = (error as ConfigError).problems.toSorted((a) =>
          a.includes('per-day') ? 1 : -1,
        );
        expect(first).toContain(`${flag}: ${JSON.stringify(text)} is not accepted; give `);
        expect(second).toContain('--tokens-per-day: "none at all" is not accepted; give a whole number');
        expect(stdout).toBe('');
      }
    }
    expect(existsSync(path.join(dataDir, 'controller'))).toBe(false);
  });

  it('is a whole key where an id belongs, which is not repeated', async () => {
    const { run, runJson } = startCommandLine();
    const { key } = await runJson<NewApiKey>('create', 'x');
    for (const command of ['show', 'rotate', 'disable', 'enable', 'revoke']) {
      const { error, stdout, stderr } = await run(command, key);
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).message).toContain('without its secret');
      expect(stdout + stderr + String(error)).not.toContain(key.slice(14));
    }
  });

  it('is a change of nothing', async () => {
    const { run, runJson } = startCommandLine();
    const { id } = await runJson<NewApiKey>('create', 'x');
    expect((await run('update', id)).error).toMatchObject({
      message: expect.stringContaining('nothing to change') as string,
    });
  });
});

describe('where there are no keys', () => {
  it('says so, and makes no folder for it', async () => {
    const { run, runJson, dataDir } = startCommandLine();
    const { stdout, stderr } = await run('list');
    expect(stdout).toMatch(/^ID +NAME +STATE/);
    expect(stderr).toBe(
      'There are no keys: the endpoint is open. Make one with: ai-cluster keys create <name>\n',
    );
    expect(await runJson('list')).toEqual({ keys: [] });
    for (const command of ['show', 'rotate', 'revoke']) {
      expect((await run(command, 'sk-0000000000')).error).toMatchObject({
        message: `there is no key sk-0000000000 in ${dataDir}; ai-cluster keys list shows those there are`,
      });
    }
    expect(existsSync(path.join(dataDir, 'controller'))).toBe(false);
  });
});
