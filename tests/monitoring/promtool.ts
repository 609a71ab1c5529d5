import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Root of the repository. */
export const projectRoot = new URL('../..', import.meta.url).pathname;

const installed = spawnSync('promtool', ['--version']).error === undefined;

/** Whether to skip tests that need promtool: it is missing, and this is not CI, where a missing promtool is an error. */
export const skipWithoutPromtool = !installed && process.env.CI !== 'true';

/** The name of a suite that needs promtool; says why when the suite is skipped. */
export function needsPromtool(name: string): string {
  return skipWithoutPromtool ? `${name} (skipped: promtool is missing, see docs/monitoring.md)` : name;
}

/** What a run of promtool came to; `output` is stdout and stderr together. */
export interface PromtoolResult {
  ok: boolean;
  output: string;
}

/** Runs promtool in `cwd`. Throws when promtool cannot be started; a check that fails is a result, not an error. */
export async function promtool(args: string[], cwd: string = projectRoot): Promise<PromtoolResult> {
  if (!installed) throw new Error('promtool is not installed (Debian: package prometheus)');
  try {
    const { stdout, stderr } = await run('promtool', args, { cwd });
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout: string; stderr: string };
    if (typeof code !== 'number') throw error;
    return { ok: false, output: stdout + stderr };
  }
}
