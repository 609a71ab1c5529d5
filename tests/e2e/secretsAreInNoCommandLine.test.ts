import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childrenOf, startUp, type UpProcess } from '../support/upProcess.js';

const given = 'a-cluster-token-that-the-operator-gave';

/** What everybody on the machine can read of the processes of a cluster. */
async function commandLines({ child }: UpProcess): Promise<string[]> {
  const pids = [child.pid ?? NaN, ...(await childrenOf(child.pid ?? NaN))];
  return pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
}

describe('the token of a cluster', () => {
  let up: UpProcess;
  let token: string;
  let adminToken: string;
  beforeAll(async () => {
    up = await startUp({ tiny: { endless: false } });
    token = readFileSync(path.join(up.folder, 'data', 'cluster-token'), 'utf8').trim();
    adminToken = readFileSync(path.join(up.folder, 'data', 'admin-token'), 'utf8').trim();
  });
  afterAll(() => up.cleanUp());

  it('is made by `up` for its owner alone', () => {
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(statSync(path.join(up.folder, 'data', 'cluster-token')).mode & 0o777).toBe(0o600);
  });

  it('has one for operators beside it, which the controller was given', async () => {
    const list = (headers: Record<string, string>) => fetch(`${up.url}/admin/keys`, { headers });
    expect((await list({ authorization: `Bearer ${token}` })).status).toBe(401);
    expect((await list({ authorization: `Bearer ${adminToken}` })).status).toBe(200);
    expect(statSync(path.join(up.folder, 'data', 'admin-token')).mode & 0o777).toBe(0o600);
  });

  it('is what the workers answer to', async () => {
    const { nodes } = await up.status();
    const ask = (headers: Record<string, string>) => fetch(`${nodes[0]?.url}/internal/v1/slots`, { headers });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: `Bearer ${token}` })).status).toBe(404);
  });

  it('stands in no command line and in no output', async () => {
    const lines = await commandLines(up);
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      expect(line).toContain('main.cjs');
      for (const secret of [token, adminToken]) expect(line).not.toContain(secret);
    }
    const log = readFileSync(path.join(up.folder, 'logs', 'combined.log'), 'utf8');
    for (const secret of [token, adminToken]) expect(up.output() + log).not.toContain(secret);
  });
});

it('a token from the environment reaches the children by theirs, and is kept nowhere', async () => {
  const up = await startUp({
    tiny: { endless: false },
    environment: { AI_CLUSTER_CLUSTER_TOKEN: given },
    args: ['--workers', '1'],
  });
  try {
    for (const line of await commandLines(up)) expect(line).not.toContain(given);
    const { nodes } = await up.status();
    const headers = { authorization: `Bearer ${given}` };
    expect((await fetch(`${nodes[0]?.url}/internal/v1/slots`, { headers })).status).toBe(404);
    const found = execFileSync('sh', ['-c', `grep -rl "${given}" "${up.folder}" || true`], {
      encoding: 'utf8',
    });
    expect(found).toBe('');
  } finally {
    await up.cleanUp();
  }
});
