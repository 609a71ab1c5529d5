import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { settings } from '../../src/config/settings.js';
import type { Setting } from '../../src/config/setting.js';
import { familiesOf } from '../support/metricsText.js';
import { startUp, type UpProcess } from '../support/upProcess.js';
import { projectRoot } from './promtool.js';

const read = (file: string) => readFile(path.join(projectRoot, file), 'utf8');

/** The rows of all tables: what the seed has, and each thing that is to be there for it. */
const rows = (await read('docs/seeds.md'))
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| Item') && !line.startsWith('| ---'))
  .flatMap((line) => {
    const [item = '', , checks = ''] = line
      .split(' | ')
      .map((cell) => cell.replace(/^\| | *\|$/g, '').trim());
    return checks.split('; ').map((check) => ({ item, check: check.trim() }));
  });

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly { alert?: string; record?: string }[] }[];
}

interface DashboardFile {
  readonly title: string;
  readonly panels: readonly { readonly title?: string }[];
}

describe('each item of a guide', () => {
  let up: UpProcess;
  let workerUrl: string;
  const families = new Map<string, ReadonlySet<string>>();
  let rules: RuleFile['groups'][number]['rules'];
  let panels: string[];

  beforeAll(async () => {
    up = await startUp({ tiny: {}, args: ['--workers', '1'] });
    workerUrl = (await up.status()).nodes[0]?.url ?? '';
    for (const url of [up.url, workerUrl]) {
      const text = await (await request(`${url}/metrics`)).body.text();
      families.set(url, new Set(familiesOf(text).keys()));
    }
    rules = (parse(await read('alerts.yml')) as RuleFile).groups.flatMap((group) => group.rules);
    const files = (await readdir(path.join(projectRoot, 'dashboards'))).filter((file) =>
      file.endsWith('.json'),
    );
    const dashboards = await Promise.all(
      files.map(async (file) => JSON.parse(await read(`dashboards/${file}`)) as DashboardFile),
    );
    panels = dashboards.flatMap((dashboard) =>
      dashboard.panels.map(({ title = '' }) => `${dashboard.title}: ${title}`),
    );
  });
  afterAll(() => up.cleanUp());

  it('is there: the list is no empty one', () => {
    expect(rows.length).toBeGreaterThan(120);
  });

  const checks: Readonly<Record<string, (what: string) => Promise<void> | void>> = {
    metric: (name) => expect([...(families.get(up.url) ?? [])]).toContain(name),
    'worker metric': (name) => expect([...(families.get(workerUrl) ?? [])]).toContain(name),
    record: (name) => expect(rules.map(({ record }) => record)).toContain(name),
    alert: (name) => expect(rules.map(({ alert }) => alert)).toContain(name),
    panel: (name) => expect(panels).toContain(name),
    endpoint: (what) => answers(up.url, what),
    'worker endpoint': (what) => answers(workerUrl, what),
    setting: (flag) => expect(Object.values(settings).map((setting) => `--${setting.flag}`)).toContain(flag),
    variable: (name) =>
      expect(Object.values(settings).map(({ variable }: Setting) => variable)).toContain(name),
    make: async (target) => expect(await read('Makefile')).toMatch(new RegExp(`^${target}:.*## \\S`, 'm')),
    file: (file) => expect(existsSync(path.join(projectRoot, file)), file).toBe(true),
    page: async (place) => {
      const [file = '', anchor = ''] = place.split('#');
      const headings = (await read(file)).match(/^#+ .*$/gm) ?? [];
      expect(
        headings.map((heading) => heading.replace(/^#+ /, '').toLowerCase().replaceAll(' ', '-')),
      ).toContain(anchor);
    },
    none: (what) => expect(what).toBe(''),
  };
  /** Longer names first: `worker metric` is no `worker`. */
  const kinds = Object.keys(checks).sort((a, b) => b.length - a.length);

  it.each(rows)('$item: $check', async ({ check }) => {
    const kind = kinds.find((name) => check === name || check.startsWith(`${name} `));
    expect(kind, `no such check: ${check}`).toBeDefined();
    await checks[kind ?? '']?.(check.slice(kind?.length).trim());
  });
});

async function answers(origin: string, what: string): Promise<void> {
  const [method, place] = what.split(' ');
  const { statusCode, body } = await request(`${origin}${place}`, { method: method as 'GET' });
  await body.dump();
  expect(statusCode).toBe(200);
}
