import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenApiDocument } from '../../../src/controller/openapi/openApiDocument.js';
import { type Target, toCurlCommands } from '../../../src/controller/openapi/page/curl.js';
import { testAdminToken } from '../../support/adminToken.js';
import { eventually } from '../../support/eventually.js';
import { createValueJudge } from '../../support/openApiJudge.js';
import { startRealCluster, type RealCluster } from '../../support/realCluster.js';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;

let cluster: RealCluster;
let folder: string;
beforeAll(async () => {
  cluster = await startRealCluster();
  folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-examples-'));
  await writeFile(path.join(folder, 'requests.jsonl'), manyRequests());
}, 120_000);
afterAll(async () => {
  await cluster?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** The file that an example uploads: so many lines that a batch of them still runs when it is cancelled. */
function manyRequests(): string {
  const body = { model: 'tiny', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 200 };
  return Array.from({ length: 1_000 }, (_, index) =>
    JSON.stringify({ custom_id: `r${index}`, method: 'POST', url: '/v1/chat/completions', body }),
  ).join('\n');
}

function targetsOf({ paths }: OpenApiDocument): Target[] {
  return Object.entries(paths).flatMap(([at, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      baseUrl: cluster.url,
      method,
      path: at,
      operation,
    })),
  );
}

/** Ids of examples, and of what the first example of their kind made. */
const made = new Map<string, string>();
const exampleIds = ['file-abc123', 'resp_abc123', 'batch_abc123', 'sk-0a1b2c3d4e'];

function rememberId(body: string): void {
  const id = /^\{"id":"(\w+[-_]\w+)"/.exec(body)?.[1] ?? '';
  const exampleId = exampleIds.find((example) => id.startsWith(example.slice(0, 3)));
  if (exampleId !== undefined && !made.has(exampleId)) made.set(exampleId, id);
}

function withRealIds(command: string): string {
  return exampleIds.reduce((text, id) => text.replaceAll(id, made.get(id) ?? id), command);
}

/** Status, media type and body of what a command that was pasted into a shell gets. */
async function paste(command: string): Promise<{ status: number; mediaType: string; body: string }> {
  const { stdout } = await run('sh', ['-c', `${command} -sS -w '\\n%{http_code} %{content_type}'`], {
    cwd: folder,
    env: { ...process.env, AI_CLUSTER_ADMIN_TOKEN: testAdminToken },
    maxBuffer: 64 * 1024 * 1024,
  });
  const [, body = '', status, mediaType = ''] = /^([^]*)\n(\d+) ([^;]*).*$/.exec(stdout) ?? [];
  return { status: Number(status), mediaType, body };
}

/** Nothing is deleted before it was read, and the first key closes the door. */
function inOrder(targets: readonly Target[]): Target[] {
  const isLate = ({ method, path: at }: Target) =>
    Number(at.startsWith('/admin/keys')) * 4 +
    Number(method === 'delete') * 2 +
    Number(at.endsWith('cancel'));
  return targets.toSorted((a, b) => isLate(a) - isLate(b));
}

it.skipIf(!hasCurl)(
  'every example is answered as described',
  async () => {
    const document = (await (await fetch(`${cluster.url}/openapi.json`)).json()) as OpenApiDocument;
    const judge = createValueJudge(document);
    const targets = inOrder(targetsOf(document));
    const tried = new Set<string>();

    for (const target of targets) {
      const { method, operation } = target;
      const batchId = made.get('batch_abc123');
      // What a batch still needs cannot be deleted.
      if (method === 'delete' && batchId !== undefined)
        await eventually(async () =>
          expect(await cluster.client.batches.retrieve(batchId)).toMatchObject({ status: 'cancelled' }),
        );
      for (const { title, text } of toCurlCommands(target)) {
        const { status, mediaType, body } = await paste(withRealIds(text));
        const name = `${operation.operationId}: ${title}`;
        expect({ name, status, body }).toMatchObject({ name, status: 200 });
        if (method === 'post') rememberId(body);
        const content = operation.responses['200']?.content ?? {};
        expect(Object.keys(content), name).toContain(mediaType);
        const reference = content[mediaType]?.schema.$ref;
        if (mediaType === 'text/event-stream') {
          const events = [...body.matchAll(/^data: (\{.*)$/gm)].map(
            ([, data = '']) => JSON.parse(data) as object,
          );
          expect(events.length, name).toBeGreaterThan(1);
          for (const event of events) expect(judge(String(reference), event), name).toEqual([]);
        } else if (reference !== undefined) {
          expect(judge(reference, JSON.parse(body)), name).toEqual([]);
        }
        tried.add(operation.operationId);
      }
    }

    const untried = targets.map(({ operation }) => operation.operationId).filter((id) => !tried.has(id));
    // Is never answered with anything but an error.
    expect(untried).toEqual(['cancelResponse']);
  },
  180_000,
);
