import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { projectRoot } from './deployFiles.js';
import { skipWithout } from './monitoringFolder.js';

const file = 'deploy/alertmanager/alertmanager.yml';

function amtool(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('amtool', args, { cwd: projectRoot, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

describe.skipIf(skipWithout('amtool'))('the example for Alertmanager (skipped without amtool)', () => {
  it('is accepted', () => {
    expect(amtool('check-config', file)).toContain('SUCCESS');
  });

  it.each([
    ['NodesDown', 'critical', 'operators'],
    ['HighLatency', 'warning', 'operators'],
    ['Watchdog', 'none', 'heartbeat'],
  ])('%s (%s) goes to the receiver %s, and to no other', (name, severity, receiver) => {
    const labels = [`alertname=${name}`, `severity=${severity}`];
    expect(amtool('config', 'routes', 'test', `--config.file=${file}`, ...labels)).toBe(receiver);
  });
});
