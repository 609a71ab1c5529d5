import js from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * Who may import whom inside src/: the twin of the table in src/README.md. `may` lists folders whose values and types
 * can be imported, `types` folders from which only types can be, `packages` the npm packages a folder is allowed (all of
 * a scope with `*`); a folder without `packages` may use any.
 */
export const importTable = {
  protocol: { may: [], packages: ['zod'] },
  config: { may: ['protocol', 'security'], packages: ['zod'] },
  observability: {
    may: ['protocol'],
    types: ['config'],
    packages: ['winston', 'prom-client', '@opentelemetry/*'],
  },
  security: { may: ['protocol'], packages: [] },
  stores: { may: ['protocol'], packages: ['libsql'] },
  models: { may: ['protocol', 'observability'], types: ['config'] },
  routing: { may: ['protocol'], packages: [] },
  cluster: { may: ['protocol', 'observability'], types: ['routing'] },
  controller: {
    may: ['protocol', 'routing', 'cluster', 'stores', 'observability', 'security'],
    types: ['config'],
  },
  worker: { may: ['protocol', 'observability', 'models', 'security'], types: ['config'] },
  supervisor: { may: ['protocol', 'observability'], types: ['config'] },
};

const folders = [...Object.keys(importTable), 'cli'];

/** Folders that `folder` may not import at all. */
function zonesOf(folder, rule) {
  return folders
    .filter((other) => other !== folder && ![...rule.may, ...(rule.types ?? [])].includes(other))
    .map((other) => ({
      target: `./src/${folder}`,
      from: `./src/${other}`,
      message: `src/${folder} may not import src/${other} (see src/README.md)`,
    }));
}

/** One block a folder: the packages it may use, and folders of which it may take types only. */
function restrictionsOf(folder, rule) {
  const patterns = (rule.types ?? []).map((other) => ({
    group: [`**/${other}/**`],
    allowTypeImports: true,
    message: `src/${folder} may import only types from src/${other} (see src/README.md)`,
  }));
  if (rule.packages) {
    const allowed = rule.packages.map((name) => `(?!${name.replace('*', '[^/]+')}$)`).join('');
    const nodeBuiltins =
      folder === 'routing' || folder === 'protocol' || folder === 'config' ? '' : '(?!node:)';
    patterns.push({
      regex: `^(?!\\.)${nodeBuiltins}${allowed}`,
      message: `src/${folder} may use only these packages: ${rule.packages.join(', ') || 'none'} (see src/README.md)`,
    });
  }
  if (folder === 'cluster')
    patterns.push({ group: ['express'], message: 'src/cluster knows nothing of HTTP' });
  return {
    files: [`src/${folder}/**/*.ts`],
    ignores: ['src/worker/engine/llama*.ts', 'src/stores/sqlite.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            ...patterns,
            { group: ['node-llama-cpp'], message: 'only src/worker/engine/llama*.ts import node-llama-cpp' },
            { group: ['libsql'], message: 'only src/stores/sqlite.ts imports libsql' },
          ],
        },
      ],
    },
  };
}

export default tseslint.config(
  { ignores: ['dist/', 'dist-bench/', 'coverage/', 'node_modules/', 'data/', 'logs/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.cts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [createTypeScriptImportResolver()],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Our interfaces are records of functions without `this`, which the rule cannot know.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'import-x/no-cycle': 'error',
      'import-x/no-default-export': 'error',
      'import-x/no-restricted-paths': [
        'error',
        { zones: Object.entries(importTable).flatMap(([folder, rule]) => zonesOf(folder, rule)) },
      ],
      'no-console': 'error',
    },
  },
  ...Object.entries(importTable).map(([folder, rule]) => restrictionsOf(folder, rule)),
  {
    files: ['src/**/*.ts'],
    ignores: ['src/cli/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'only src/cli reads process.env: take a config instead',
        },
      ],
    },
  },
  {
    files: ['*.config.ts', 'bench/**', 'chaos/**'],
    rules: { 'import-x/no-default-export': 'off', 'no-console': 'off' },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        fetch: 'readonly',
        URL: 'readonly',
        AbortSignal: 'readonly',
      },
    },
  },
);
