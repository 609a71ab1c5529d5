import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { beforeAll, describe, expect, it } from 'vitest';

interface Rule {
  readonly may: readonly string[];
  readonly types?: readonly string[];
  readonly packages?: readonly string[];
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
// Not a static import: plain JavaScript has no types.
const { importTable } = (await import(new URL('../../../eslint.config.js', import.meta.url).href)) as {
  importTable: Record<string, Rule>;
};
const table = Object.entries(importTable);

const restrictedPaths = 'import-x/no-restricted-paths';
const restrictedImports = '@typescript-eslint/no-restricted-imports';
const noCycle = 'import-x/no-cycle';
const restrictedProperties = 'no-restricted-properties';
const boundaryRules = [restrictedPaths, restrictedImports, noCycle, restrictedProperties];

let eslint: ESLint;

/**
 * The rules about boundaries that `code` breaks when it stands in `file`. An existing file is named, because
 * type-aware lint wants one of the project; what it holds on disk does not matter.
 */
async function brokenRules(file: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: path.join(root, file) });
  const messages = result?.messages ?? [];
  expect(messages.filter(({ fatal }) => fatal)).toEqual([]);
  return messages.flatMap(({ ruleId }) => (ruleId && boundaryRules.includes(ruleId) ? [ruleId] : []));
}

beforeAll(async () => {
  eslint = new ESLint({ cwd: root });
  // The first run loads the project, which takes most of the time.
  await brokenRules('src/routing/leastBusy.ts', 'export const nothing = 0;\n');
}, 120_000);

const routing = 'src/routing/leastBusy.ts';
const controller = 'src/controller/dispatch.ts';
const worker = 'src/worker/scheduler/scheduler.ts';
const protocol = 'src/protocol/sse.ts';
const cluster = 'src/cluster/tokenRate.ts';
const config = 'src/config/config.ts';
const supervisor = 'src/supervisor/restartPolicy.ts';
const observability = 'src/observability/events.ts';
const models = 'src/models/catalog.ts';
const cli = 'src/cli/table.ts';

describe('lint refuses', () => {
  it.each<[string, string, string, string]>([
    ['routing → cluster', routing, '../cluster/tokenRate.js', restrictedPaths],
    ['routing → observability', routing, '../observability/logger.js', restrictedPaths],
    ['routing → node:fs', routing, 'node:fs', restrictedImports],
    ['routing → a package', routing, 'zod', restrictedImports],
    ['controller → worker', controller, '../worker/scheduler/stepPlan.js', restrictedPaths],
    ['controller → supervisor', controller, '../supervisor/restartPolicy.js', restrictedPaths],
    ['worker → controller', worker, '../../controller/respond.js', restrictedPaths],
    ['worker → cluster', worker, '../../cluster/tokenRate.js', restrictedPaths],
    ['worker → routing', worker, '../../routing/leastBusy.js', restrictedPaths],
    ['protocol → express', protocol, 'express', restrictedImports],
    ['protocol → node:fs', protocol, 'node:fs', restrictedImports],
    ['protocol → config', protocol, '../config/config.js', restrictedPaths],
    ['cluster → express', cluster, 'express', restrictedImports],
    ['observability → another package of a scope', observability, '@huggingface/jinja', restrictedImports],
    ['cluster → controller', cluster, '../controller/dispatch.js', restrictedPaths],
    ['config → observability', config, '../observability/logger.js', restrictedPaths],
    ['config → node:fs', config, 'node:fs', restrictedImports],
    ['config → winston', config, 'winston', restrictedImports],
    ['observability → cluster', observability, '../cluster/tokenRate.js', restrictedPaths],
    ['observability → express', observability, 'express', restrictedImports],
    ['models → worker', models, '../worker/scheduler/stepPlan.js', restrictedPaths],
    ['supervisor → controller', supervisor, '../controller/dispatch.js', restrictedPaths],
    ['supervisor → worker', supervisor, '../worker/scheduler/stepPlan.js', restrictedPaths],
  ])('%s', async (_name, file, imported, rule) => {
    expect(await brokenRules(file, `import * as other from '${imported}';\nexport { other };\n`)).toEqual([
      rule,
    ]);
  });

  it.each(table.map(([folder]) => folder))('%s → cli, for types too', async (folder) => {
    const [file] = (await readdir(path.join(root, 'src', folder))).filter((name) => name.endsWith('.ts'));
    const code =
      "import type { exitCodes } from '../cli/terminal.js';\nexport type Codes = typeof exitCodes;\n";
    expect(await brokenRules(`src/${folder}/${String(file)}`, code)).toEqual([restrictedPaths]);
  });

  it.each([
    ['cluster → routing', cluster, '../routing/leastBusy.js'],
    ['controller → config', controller, '../config/config.js'],
    ['worker → config', worker, '../config/config.js'],
    ['observability → config', observability, '../config/config.js'],
    ['models → config', models, '../config/config.js'],
    ['supervisor → config', supervisor, '../config/config.js'],
  ])('%s for values, of which it may take types', async (_name, file, imported) => {
    expect(await brokenRules(file, `import * as other from '${imported}';\nexport { other };\n`)).toEqual([
      restrictedImports,
    ]);
    expect(
      await brokenRules(file, `import type * as other from '${imported}';\nexport type { other };\n`),
    ).toEqual([]);
  });

  it.each([worker, 'src/worker/startWorker.ts', controller, models, cluster])(
    'node-llama-cpp in %s',
    async (file) => {
      const code = "import { getLlama } from 'node-llama-cpp';\nexport { getLlama };\n";
      expect(await brokenRules(file, code)).toEqual([restrictedImports]);
      expect(await brokenRules('src/worker/engine/llamaEngine.ts', code)).toEqual([]);
    },
  );

  it.each(['src/stores/database.ts', controller, cluster, worker])('libsql in %s', async (file) => {
    const code = "import Database from 'libsql';\nexport { Database };\n";
    expect(await brokenRules(file, code)).toEqual([restrictedImports]);
    expect(await brokenRules('src/stores/sqlite.ts', code)).toEqual([]);
  });

  it.each(table.map(([folder]) => folder))('process.env in %s', async (folder) => {
    const [file] = (await readdir(path.join(root, 'src', folder))).filter((name) => name.endsWith('.ts'));
    expect(
      await brokenRules(`src/${folder}/${String(file)}`, "export const home = process.env['HOME'];\n"),
    ).toEqual([restrictedProperties]);
  });

  it('a cycle of imports', async () => {
    // parseBody.ts imports apiError.ts.
    const code = "import { parseBody } from './parseBody.js';\nexport const parse = parseBody;\n";
    expect(await brokenRules('src/protocol/apiError.ts', code)).toEqual([noCycle]);
    expect(await brokenRules('src/protocol/headers.ts', code)).toEqual([]);
  });
});

describe('lint allows', () => {
  it.each([
    ['routing → protocol', routing, '../protocol/sse.js'],
    ['protocol → zod', protocol, 'zod'],
    ['config → zod', config, 'zod'],
    ['config → protocol', config, '../protocol/sse.js'],
    ['observability → winston', observability, 'winston'],
    ['observability → node:fs', observability, 'node:fs'],
    ['controller → express', controller, 'express'],
    ['controller → cluster', controller, '../cluster/tokenRate.js'],
    ['worker → models', worker, '../models/catalog.js'],
    ['cli → controller', cli, '../controller/dispatch.js'],
  ])('%s', async (_name, file, imported) => {
    expect(await brokenRules(file, `import * as other from '${imported}';\nexport { other };\n`)).toEqual([]);
  });

  it('process.env in cli', async () => {
    expect(await brokenRules(cli, "export const home = process.env['HOME'];\n")).toEqual([]);
  });
});

describe('the import table', () => {
  /** Folder → the cell of what it may import, from the table in the README of src. */
  async function readmeTable(): Promise<Map<string, string>> {
    const text = await readFile(path.join(root, 'src/README.md'), 'utf8');
    const rows = text
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter(([, folder]) => /^[a-z]+$/.test(folder ?? '') && folder !== 'folder');
    return new Map(rows.map(([, folder, may]) => [folder ?? '', may ?? '']));
  }

  it('lists the folders that there are', async () => {
    const entries = await readdir(path.join(root, 'src'), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect([...table.map(([folder]) => folder), 'cli'].sort()).toEqual(folders.sort());
  });

  it('lists the same folders in src/README.md', async () => {
    const readme = await readmeTable();
    expect([...readme.keys()].sort()).toEqual([...table.map(([folder]) => folder), 'cli'].sort());
  });

  it.each(table)(
    'says the same of %s in src/README.md',
    async (folder, { may, types = [], packages = [] }) => {
      const cell = ((await readmeTable()).get(folder) ?? '').replaceAll('\\*', '*');
      expect(cell.split(', ').sort()).toEqual(
        [...may, ...types.map((other) => `${other} (types)`), ...packages].sort(),
      );
    },
  );
});
