import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startProcess, type RunningProcess } from '../../chaos/support/childProcess.js';
import { writeTinyModel } from '../../src/models/tinyModel.js';
import { defaultKeySettings } from '../../src/protocol/apiKeys.js';
import { ClusterStatus } from '../../src/protocol/clusterStatus.js';
import { openSharedStores } from '../../src/stores/openStores.js';
import { eventually } from '../support/eventually.js';
import { findFreePort } from '../support/freePort.js';
import {
  hasMonitoringStack,
  startMonitoringStack,
  type MonitoringStack,
} from '../support/monitoringStack.js';
import { projectRoot } from './promtool.js';

const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));
const skipped = !hasMonitoringStack && process.env['CI'] !== 'true';
const model = 'tiny-test';
const scraping = { timeout: 20_000, interval: 200 };

interface StreamTimes {
  readonly firstTokenMs: number;
  /** Mean of those between its tokens. */
  readonly gapMs: number;
}

/** What the clients of the load have seen, added up. */
class LoadLedger {
  answers = 0;
  streams = 0;
  promptTokens = 0;
  cachedTokens = 0;
  completionTokens = 0;

  count({ usage }: { usage?: OpenAI.CompletionUsage | null }, { isStream }: { isStream: boolean }): void {
    this.answers++;
    if (isStream) this.streams++;
    this.promptTokens += usage?.prompt_tokens ?? NaN;
    this.cachedTokens += usage?.prompt_tokens_details?.cached_tokens ?? 0;
    this.completionTokens += usage?.completion_tokens ?? NaN;
  }
}

describe.skipIf(skipped)(
  `a real Prometheus${skipped ? ' (skipped: prometheus or its alertmanager is missing, see docs/monitoring.md)' : ''}`,
  { timeout: 180_000 },
  () => {
    const ledger = new LoadLedger();
    let folder: string;
    let url: string;
    let startController: () => RunningProcess;
    let startWorker: (index: number) => RunningProcess;
    let controller: RunningProcess;
    const workers: RunningProcess[] = [];
    const workerUrls: string[] = [];
    let stack: MonitoringStack;
    let client: OpenAI;
    let keyId: string;

    const status = async () =>
      ClusterStatus.parse(await (await request(`${url}/cluster/status`)).body.json());
    const whenHealthy = () =>
      eventually(
        async () => {
          const { nodes } = await status();
          expect(nodes.map((node) => node.status)).toEqual(['healthy', 'healthy']);
        },
        { timeout: 60_000, interval: 100 },
      );

    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'ai-cluster-prometheus-'));
      const modelFile = path.join(folder, `${model}.gguf`);
      const dataDir = path.join(folder, 'data');
      await writeTinyModel(modelFile, { endless: true });
      const stores = openSharedStores(path.join(dataDir, 'controller'));
      const { key, text } = stores.keys.create({ ...defaultKeySettings, name: 'load' });
      stores.close();
      keyId = key.id;
      const port = await findFreePort();
      url = `http://127.0.0.1:${port}`;
      const start = (name: string, args: readonly string[]) =>
        startProcess({
          file: process.execPath,
          args: [program, ...args, '--log-dir', path.join(folder, name), '--data-dir', dataDir],
          logFile: path.join(folder, `${name}.out`),
        });
      startController = () =>
        start('controller', ['controller', '--port', `${port}`, '--workers', '2', '--model', modelFile]);
      const ports = [await findFreePort(), await findFreePort()];
      workerUrls.push(...ports.map((workerPort) => `http://127.0.0.1:${workerPort}`));
      startWorker = (index) =>
        start(`worker_${index + 1}`, [
          ...['worker', '--node-id', `worker_${index + 1}`, '--worker-port', `${ports[index]}`],
          ...[
            '--controller',
            url,
            '--model',
            modelFile,
            '--context',
            '2048',
            '--gpu',
            'off',
            '--threads',
            '1',
          ],
        ]);
      controller = startController();
      workers.push(startWorker(0), startWorker(1));
      await whenHealthy();
      client = new OpenAI({ baseURL: `${url}/v1`, apiKey: text, maxRetries: 0 });
      stack = await startMonitoringStack(projectRoot, { folder: path.join(folder, 'monitoring'), dataDir });
    }, 120_000);

    afterAll(async () => {
      await stack?.close();
      for (const running of [...workers, controller]) running?.kill('SIGKILL');
      await Promise.all([...workers, controller].map((running) => running?.exited));
      await rm(folder, { recursive: true, force: true });
    });

    const chat = (content: string, tokens: number) => ({
      model,
      messages: [{ role: 'user' as const, content }],
      temperature: 0,
      max_tokens: tokens,
    });

    async function askWhole(content: string, tokens: number): Promise<void> {
      ledger.count(await client.chat.completions.create(chat(content, tokens)), { isStream: false });
    }

    /** Read as it comes, without a client library, whose own time is none of the cluster's. */
    async function askStream(content: string, tokens: number): Promise<StreamTimes> {
      const sentAt = performance.now();
      const { body } = await request(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${client.apiKey}` },
        body: JSON.stringify({
          ...chat(content, tokens),
          stream: true,
          stream_options: { include_usage: true },
        }),
      });
      let text = '';
      let firstAt: number | undefined;
      let lastAt = NaN;
      for await (const piece of body) {
        if (!String(piece).includes('"content":"') || String(piece).includes('"role"')) {
          text += String(piece);
          continue;
        }
        text += String(piece);
        lastAt = performance.now();
        firstAt ??= lastAt;
      }
      const chunks = text
        .split('\n\n')
        .filter((frame) => frame.startsWith('data: {'))
        .map((frame) => JSON.parse(frame.slice('data: '.length)) as OpenAI.ChatCompletionChunk);
      const usage = chunks.at(-1)?.usage;
      ledger.count({ usage }, { isStream: true });
      const first = firstAt ?? NaN;
      return {
        firstTokenMs: first - sentAt,
        gapMs: (lastAt - first) / ((usage?.completion_tokens ?? NaN) - 1),
      };
    }

    it('scrapes everybody whom the controller names', async () => {
      await expect.poll(() => stack.query('up == 1'), scraping).toHaveLength(3);
      const targets = (await stack.query('up')).map(({ metric }) => [
        metric['job'],
        metric['role'],
        metric['node_id'],
      ]);
      expect(targets.sort()).toEqual([
        ['ai-cluster-controller', 'controller', undefined],
        ['ai-cluster-workers', 'worker', 'worker_1'],
        ['ai-cluster-workers', 'worker', 'worker_2'],
      ]);
    });

    it('has the times that clients have measured: means of first tokens and of the times between tokens', async () => {
      const names = ['time_to_first_token_seconds', 'inter_token_latency_seconds'] as const;
      const read = async () => {
        const sums: Record<string, { sum: number; count: number }> = {};
        for (const name of names)
          sums[name] = {
            sum: await stack.value(`sum(ai_cluster_${name}_sum)`),
            count: await stack.value(`sum(ai_cluster_${name}_count)`),
          };
        return sums;
      };
      const untilCounted = (answers: number) =>
        eventually(
          async () =>
            expect(await stack.value('sum(ai_cluster_time_to_first_token_seconds_count)')).toBe(answers),
          scraping,
        );
      // One after the other, so that nothing waits in the test's own process; the first ones compile code everywhere.
      const longPrompt = (index: number) => `${index} ${'what is the answer to this one? '.repeat(120)}`;
      for (let index = 0; index < 20; index++) await askStream(longPrompt(index), 24);
      await untilCounted(20);
      const before = await read();
      const measured: StreamTimes[] = [];
      for (let index = 0; index < 40; index++) measured.push(await askStream(longPrompt(20 + index), 24));
      await untilCounted(60);
      const after = await read();
      const expected = [
        mean(measured.map((times) => times.firstTokenMs)),
        mean(measured.map((times) => times.gapMs)),
      ];
      for (const [place, name] of names.entries()) {
        const sum = (after[name]?.sum ?? NaN) - (before[name]?.sum ?? NaN);
        const count = (after[name]?.count ?? NaN) - (before[name]?.count ?? NaN);
        const exportedMs = (1_000 * sum) / count;
        const clientMs = expected[place] ?? NaN;
        const difference = Math.abs(exportedMs - clientMs);
        expect(difference, `${name}: ${exportedMs} ms, measured ${clientMs} ms`).toBeLessThan(
          Math.max(2, 0.05 * clientMs),
        );
      }
    });

    it('has every counter exactly as the clients have counted', async () => {
      const jobs = Array.from({ length: 60 }, (_, index) => async () => {
        if (index % 3 === 0) await askStream(`question ${index % 7}`, 4 + (index % 9));
        else await askWhole(`question ${index % 7}`, 4 + (index % 9));
      });
      await Promise.all(
        Array.from({ length: 6 }, async () => {
          for (let job = jobs.pop(); job; job = jobs.pop()) await job();
        }),
      );
      const refused = { bad: 3, unknown: 2, keyless: 4 };
      for (let index = 0; index < refused.bad; index++)
        await expect(client.chat.completions.create({ ...chat('x', 1), temperature: 9 })).rejects.toThrow(
          '400',
        );
      for (let index = 0; index < refused.unknown; index++)
        await expect(client.chat.completions.create({ ...chat('x', 1), model: 'nope' })).rejects.toThrow(
          '404',
        );
      for (let index = 0; index < refused.keyless; index++)
        await (await request(`${url}/v1/models`)).body.dump();

      const chats = (code: number) =>
        `sum(ai_cluster_http_requests_total{path="/v1/chat/completions",status="${code}"})`;
      const { answers, streams, promptTokens, cachedTokens, completionTokens } = ledger;
      const rejected = refused.bad + refused.unknown;
      const of = (name: string, labels = '') =>
        `sum(ai_cluster_${name}${labels === '' ? '' : `{${labels}}`})`;
      const expected: Record<string, number> = {
        [chats(200)]: answers,
        [chats(400)]: refused.bad,
        [chats(404)]: refused.unknown,
        [of('http_requests_total', 'path="/v1/models",status="401"')]: refused.keyless,
        [of('http_request_duration_seconds_count', 'path="/v1/chat/completions",status="200"')]: answers,
        [of('inference_requests_total', 'status="success"')]: answers,
        [of('inference_requests_total', 'status="rejected"')]: rejected,
        [of('inference_requests_total', 'status=~"error|cancelled"')]: 0,
        [of('inference_duration_seconds_count')]: answers,
        [of('streaming_requests_total', 'status="success"')]: streams,
        [of('streaming_duration_seconds_count')]: streams,
        [of('tokens_generated_total', 'type="prompt"')]: promptTokens,
        [of('tokens_generated_total', 'type="completion"')]: completionTokens,
        [of('api_key_requests_total', `key_id="${keyId}",status="success"`)]: answers,
        [of('api_key_requests_total', 'status="rejected"')]: rejected,
        [of('api_key_rate_limit_hits_total')]: 0,
        [of('auth_attempts_total', 'result="ok"')]: answers + rejected,
        [of('auth_attempts_total', 'result="missing"')]: refused.keyless,
        [of('time_to_first_token_seconds_count')]: answers,
        [of('inter_token_latency_seconds_count')]: completionTokens - answers,
        [of('request_time_per_output_token_seconds_count')]: answers,
        [of('prefill_duration_seconds_count')]: answers,
        [of('decode_duration_seconds_count')]: answers,
        [of('router_overhead_seconds_count')]: answers,
        [of('stage_duration_seconds_count', 'stage="decode"')]: answers,
        [of('request_prompt_tokens_sum')]: promptTokens,
        [of('request_completion_tokens_sum')]: completionTokens,
        [of('request_max_tokens_count')]: answers,
        [of('request_finished_total')]: answers,
        [of('errors_total', 'class="validation"')]: rejected,
        [of('errors_total', 'class="auth"')]: refused.keyless,
        [of('errors_total', 'class!~"validation|auth"')]: 0,
        [of('client_disconnects_total')]: 0,
        [of('queue_wait_seconds_count')]: answers,
        [of('queue_rejected_total')]: 0,
        [of('retries_total')]: 0,
        [of('routing_decisions_total')]: answers,
        [of('prefix_cache_queried_tokens_total')]: promptTokens,
        [of('prompt_cached_tokens_total')]: cachedTokens,
        [of('upstream_attempts_total', 'outcome="success",attempt="first"')]: answers,
        [of('upstream_attempt_duration_seconds_count')]: answers,
        [of('upstream_messages_total', 'direction="sent",type="request"')]: answers,
        [of('worker_requests_total', 'operation="generate",status="success"')]: answers,
        [of('worker_request_duration_seconds_count', 'operation="generate"')]: answers,
        [of('cluster_active_requests')]: 0,
      };
      await expect.poll(() => stack.value(chats(404)), scraping).toBe(refused.unknown);
      await eventually(async () => {
        const actual: Record<string, number> = {};
        for (const expression of Object.keys(expected)) actual[expression] = await stack.value(expression);
        expect(actual).toEqual(expected);
      }, scraping);
    });

    it('sums nothing twice: no family is told by both roles', async () => {
      const names = async (job: string) =>
        new Set(
          (await stack.query(`group by (__name__) ({__name__=~"ai_cluster_.*",job="${job}"})`)).map(
            ({ metric }) => metric['__name__'] ?? '',
          ),
        );
      const [ofController, ofWorkers] = [
        await names('ai-cluster-controller'),
        await names('ai-cluster-workers'),
      ];
      expect(ofController.size).toBeGreaterThan(100);
      expect([...ofWorkers].filter((name) => !name.startsWith('ai_cluster_worker_'))).toEqual([]);
      expect([...ofController].filter((name) => ofWorkers.has(name))).toEqual([]);
    });

    it('finds nothing wrong with what is told, but for the gauge that is called _total', async () => {
      for (const origin of [url, ...workerUrls]) {
        const input = await (await request(`${origin}/metrics`)).body.text();
        const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
        const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('ai_cluster_'));
        expect(complaints).toEqual(
          origin === url
            ? ['ai_cluster_cluster_nodes_total non-counter metrics should not have "_total" suffix']
            : [],
        );
      }
    });

    it('evaluates every rule without an error, and no alert fires but the one that always does', async () => {
      const rules = parse(await readFile(path.join(projectRoot, 'alerts.yml'), 'utf8')) as {
        groups: { rules: { record?: string; expr: string }[] }[];
      };
      for (const { record, expr } of rules.groups.flatMap((group) => group.rules)) {
        const results = await stack.query(record ?? expr);
        if (record !== undefined) expect(results.length, record).toBeGreaterThan(0);
      }
      expect(
        (await stack.query('ALERTS{alertstate="firing"}')).map(({ metric }) => metric['alertname']),
      ).toEqual(['Watchdog']);
    });

    it('has data for every panel of every dashboard', async () => {
      const files = (await readdir(path.join(projectRoot, 'dashboards'))).filter((file) =>
        file.endsWith('.json'),
      );
      expect(files).toHaveLength(6);
      const empty: string[] = [];
      for (const file of files) {
        const dashboard = JSON.parse(await readFile(path.join(projectRoot, 'dashboards', file), 'utf8')) as {
          panels: { title: string; targets?: { expr: string }[] }[];
        };
        for (const { title, targets = [] } of dashboard.panels) {
          for (const { expr } of targets) {
            const expression = expr
              .replaceAll('$__rate_interval', '1m')
              .replaceAll(/\$\{?[a-z]\w*\}?/g, '.*');
            if ((await stack.query(expression)).length === 0) empty.push(title);
          }
        }
      }
      // This machine has none.
      expect(empty).toEqual(['GPU Memory', 'GPU Utilization']);
    });

    const noticesOf = (alertname: string) =>
      stack
        .notices()
        .filter(({ labels }) => labels['alertname'] === alertname)
        .map((notice) => notice.status);

    it('tells a webhook of a worker that is killed, and that it is back', async () => {
      workers[1]?.kill('SIGKILL');
      await expect.poll(() => noticesOf('WorkerDown'), scraping).toEqual(['firing']);
      await expect.poll(() => noticesOf('NodesDown'), scraping).toEqual(['firing']);
      const [notice] = stack.notices().filter(({ labels }) => labels['alertname'] === 'WorkerDown');
      expect(notice?.labels).toMatchObject({ severity: 'critical', node_id: 'worker_2' });
      workers[1] = startWorker(1);
      await whenHealthy();
      await expect.poll(() => noticesOf('WorkerDown'), scraping).toEqual(['firing', 'resolved']);
      await expect.poll(() => noticesOf('NodesDown'), scraping).toEqual(['firing', 'resolved']);
    });

    it('tells it of a controller that is killed, and that it is back; the workers are still told of', async () => {
      controller.kill('SIGKILL');
      await expect.poll(() => noticesOf('ControllerDown'), scraping).toEqual(['firing']);
      for (const origin of workerUrls)
        expect(await (await request(`${origin}/metrics`)).body.text()).toContain('ai_cluster_worker_slots');
      controller = startController();
      await whenHealthy();
      await expect.poll(() => noticesOf('ControllerDown'), scraping).toEqual(['firing', 'resolved']);
      expect(noticesOf('WorkerDown')).toEqual(['firing', 'resolved']);
    });
  },
);

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
