import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';
import { request } from 'undici';
import { expect, it } from 'vitest';
import type { BatchResult } from '../../../src/protocol/openai/batches.js';
import { eventually } from '../../support/eventually.js';
import { startRealCluster } from '../../support/realCluster.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';

interface Sum {
  requests: number;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
}

/** What a client adds up from the answers it gets, by model. */
class Adder {
  readonly sums = new Map<string, Sum>();

  add(model: string, promptTokens = 0, completionTokens = 0, cachedTokens = 0): void {
    const before = this.sums.get(model) ?? {
      requests: 0,
      promptTokens: 0,
      cachedTokens: 0,
      completionTokens: 0,
    };
    this.sums.set(model, {
      requests: before.requests + 1,
      promptTokens: before.promptTokens + promptTokens,
      cachedTokens: before.cachedTokens + cachedTokens,
      completionTokens: before.completionTokens + completionTokens,
    });
  }

  addUsage(model: string, usage: OpenAI.CompletionUsage | null | undefined): void {
    expect(usage).toBeDefined();
    const cached = usage?.prompt_tokens_details?.cached_tokens;
    this.add(model, usage?.prompt_tokens, usage?.completion_tokens, cached);
  }
}

const model = 'tiny';
const said = (content: string) => [{ role: 'user' as const, content }];

/** One round of everything that runs a model, through the official clients. */
async function askEverything(url: string, apiKey: string, round: number, adder: Adder): Promise<void> {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
  const anthropic = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
  const chat = async (body: object) => {
    const { usage } = await client.chat.completions.create({
      model,
      messages: said(`round ${round}`),
      max_tokens: 5,
      ...body,
    });
    adder.addUsage(model, usage);
  };
  const streamed = async () => {
    const stream = await client.chat.completions.create({
      model,
      messages: said('a stream'),
      max_tokens: 7,
      stream: true,
      stream_options: { include_usage: true },
    });
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) usage = chunk.usage ?? usage;
    adder.addUsage(model, usage);
  };
  const texts = async () => {
    const prompt = ['the first of two', 'the second'];
    adder.addUsage(model, (await client.completions.create({ model, prompt, n: 2, max_tokens: 4 })).usage);
  };
  const response = async () => {
    const { usage } = await client.responses.create({ model, input: 'respond', max_output_tokens: 16 });
    adder.add(model, usage?.input_tokens, usage?.output_tokens, usage?.input_tokens_details.cached_tokens);
  };
  const message = async () => {
    const { usage } = await anthropic.messages.create({ model, messages: said('a message'), max_tokens: 6 });
    const cached = usage.cache_read_input_tokens ?? 0;
    adder.add(model, usage.input_tokens + cached, usage.output_tokens, cached);
  };
  const embedding = async () => {
    const { usage } = await client.embeddings.create({ model: 'tiny-embedding', input: ['one', 'and two'] });
    adder.add('tiny-embedding', usage.prompt_tokens);
  };
  const ranking = async () => {
    const answer = await request(`${url}/v1/rerank`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny-rerank', query: 'bridge', documents: ['a bridge', 'a box'] }),
    });
    const { usage } = (await answer.body.json()) as { usage: { prompt_tokens: number } };
    adder.add('tiny-rerank', usage.prompt_tokens);
  };
  const refused = async () => {
    await expect(client.chat.completions.create({ model, messages: [] })).rejects.toThrow('messages');
    adder.add('unknown');
  };
  await Promise.all([chat({}), chat({ n: 3 }), streamed(), texts(), response(), message()]);
  await Promise.all([
    embedding(),
    ranking(),
    refused(),
    chat({ messages: said(`round ${round}, once more`) }),
  ]);
}

async function runBatch(url: string, apiKey: string, adder: Adder): Promise<void> {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
  const lines = ['a', 'b', 'c'].map((id) =>
    JSON.stringify({
      custom_id: id,
      method: 'POST',
      url: '/v1/chat/completions',
      body: { model, messages: said(`line ${id}`), max_tokens: 3 },
    }),
  );
  const file = await client.files.create({
    file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'),
    purpose: 'batch',
  });
  const created = await client.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  });
  const batch = await eventually(
    async () => {
      const current = await client.batches.retrieve(created.id);
      expect(current.status).toBe('completed');
      return current;
    },
    { timeout: 30_000 },
  );
  const output = await (await client.files.content(batch.output_file_id ?? '')).text();
  for (const line of output.split('\n').filter(Boolean)) {
    const { response } = JSON.parse(line) as BatchResult;
    adder.addUsage(model, (response?.body as { usage?: OpenAI.CompletionUsage }).usage);
  }
}

/** The sum of a counter's samples that have all of these labels. */
function sumOf(metrics: string, name: string, labels: Readonly<Record<string, string>>): number {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`ai_cluster_${name}{`))
    .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

it('and what the metrics say, for each key, model and way to ask', async () => {
  const keys = temporaryKeys();
  const cluster = await startRealCluster({ dataDir: keys.dataDir, queueLimit: 256 });
  try {
    const owners = [keys.create({ tokensPerMinute: 1_000_000 }), keys.create()];
    const adders = owners.map(() => new Adder());
    await eventually(async () => {
      const answer = await request(`${cluster.url}/v1/models`);
      expect(answer.statusCode).toBe(401);
    });
    for (const round of [1, 2]) {
      await Promise.all(
        owners.map(({ text }, index) => askEverything(cluster.url, text, round, adders[index] as Adder)),
      );
    }
    await runBatch(cluster.url, owners[0]?.text ?? '', adders[0] as Adder);

    for (const [index, { key }] of owners.entries()) {
      const rows = keys.usage.rows({ key: key.id, by: ['model'] });
      const stored = new Map(rows.map(({ model: id, errors: _errors, ...sum }) => [id, sum]));
      expect(stored).toEqual(adders[index]?.sums);
    }
    expect(keys.usage.total({}).errors).toBe(0);

    const metrics = await cluster.metrics();
    for (const row of keys.usage.rows({ by: ['model'] })) {
      const labels = { model: row.model ?? '' };
      expect(sumOf(metrics, 'tokens_generated_total', { ...labels, type: 'prompt' })).toBe(row.promptTokens);
      expect(sumOf(metrics, 'tokens_generated_total', { ...labels, type: 'completion' })).toBe(
        row.completionTokens,
      );
      expect(sumOf(metrics, 'prompt_cached_tokens_total', labels)).toBe(row.cachedTokens);
      expect(sumOf(metrics, 'inference_requests_total', labels)).toBe(row.requests);
    }
    for (const row of keys.usage.rows({ by: ['key'] })) {
      expect(sumOf(metrics, 'api_key_requests_total', { key_id: row.key ?? '' })).toBe(row.requests);
    }
  } finally {
    await cluster.close();
  }
}, 120_000);
