import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { internalPaths } from '../../../src/protocol/workerApi.js';
import { equalSecrets } from '../../../src/security/secrets.js';
import { createChatTemplate } from '../../../src/worker/chat/chatTemplate.js';
import { clusterAuthorization } from '../../support/clusterToken.js';
import { eventually } from '../../support/eventually.js';
import { startRealCluster, type RealCluster } from '../../support/realCluster.js';
import { temporaryKeys } from '../../support/temporaryKeys.js';
import { startTestCluster } from '../../support/testCluster.js';
import { startTrap } from '../../support/trap.js';

/** What went wrong in engines elsewhere, and is tried here (docs/security.md). */

const messages = [{ role: 'user', content: 'Hello' }];
const chatPath = '/v1/chat/completions';

const post = (url: string, body: object, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

let real: RealCluster;
beforeAll(async () => {
  real = await startRealCluster();
});
afterAll(() => real.close());

describe('vLLM', () => {
  it('CVE-2025-59425: how long a comparison takes does not tell how much of a secret was right', () => {
    const secret = 'a'.repeat(43);
    const guesses = [`${'a'.repeat(42)}b`, `b${'a'.repeat(42)}`];
    const times: [number[], number[]] = [[], []];
    for (let sample = 0; sample < 20_000; sample++) {
      const which = sample % 2;
      const startedAt = process.hrtime.bigint();
      equalSecrets(guesses[which] ?? '', secret);
      times[which as 0 | 1].push(Number(process.hrtime.bigint() - startedAt));
    }
    expect(Math.abs(welch(...(times.map(trim) as [number[], number[]])))).toBeLessThan(4.5);
    expect([equalSecrets(secret, secret), equalSecrets('', secret)]).toEqual([true, false]);
  });

  it.each([
    ['CVE-2025-6242', (url: string) => ({ type: 'image_url', image_url: { url: `${url}/image.png` } })],
    [
      'CVE-2026-24779',
      (url: string) => ({ type: 'image_url', image_url: { url: `${url}\\@example.com/a.png` } }),
    ],
    [
      'the same of audio',
      (url: string) => ({ type: 'input_audio', input_audio: { data: url, format: 'wav' } }),
    ],
    ['the same of files', (url: string) => ({ type: 'file', file: { file_data: url } })],
    ['the same of videos', (url: string) => ({ type: 'video_url', video_url: { url } })],
  ])('%s: nothing is fetched for a message', async (_what, toPart) => {
    const trap = await startTrap();
    const content = [toPart(trap.url)];
    const asked = await post(`${real.url}${chatPath}`, {
      model: 'tiny',
      messages: [{ role: 'user', content }],
    });
    expect(asked.status).toBe(400);
    const items = [{ role: 'user', content: [{ type: 'input_image', image_url: `${trap.url}/image.png` }] }];
    expect((await post(`${real.url}/v1/responses`, { model: 'tiny', input: items })).status).toBe(400);
    expect(trap.asked).toEqual([]);
  });

  it('CVE-2025-48942, -48943, -48944: no tool, schema or pattern ends a worker', async () => {
    const [before] = (await real.send('/cluster/status').then(({ body }) => body as Status)).nodes;
    const toTool = (parameters: unknown) => ({
      tools: [{ type: 'function', function: { name: 'f', strict: true, parameters } }],
      tool_choice: 'required',
    });
    const toFormat = (schema: unknown) => ({
      response_format: { type: 'json_schema', json_schema: { name: 's', strict: true, schema } },
    });
    const bad: readonly unknown[] = [
      { type: 'object', properties: { a: { type: 'something' } } },
      { type: 'object', properties: { a: { type: 7 } } },
      { type: 'object', properties: { a: { type: 'string', pattern: '(' } } },
      { type: 'object', properties: { a: { type: 'string', pattern: '(a+)+$'.repeat(50) } } },
      { type: 'object', properties: { a: { type: 'string', pattern: '[z-a]' } } },
      { $ref: '#' },
      { $ref: 'file:///etc/passwd' },
      { type: 'array', items: { $ref: '#/nowhere' } },
      'no schema',
      7,
      [],
    ];
    for (const schema of bad) {
      for (const fields of [toTool(schema), toFormat(schema)]) {
        const { status } = await post(`${real.url}${chatPath}`, {
          model: 'tiny',
          messages,
          max_tokens: 4,
          ...fields,
        });
        expect([JSON.stringify(schema).slice(0, 60), [200, 400].includes(status)]).toEqual([
          JSON.stringify(schema).slice(0, 60),
          true,
        ]);
      }
    }
    const after = ((await real.send('/cluster/status')).body as Status).nodes[0];
    expect(after).toMatchObject({ state: 'ready', pid: before?.pid });
    expect((await post(`${real.url}${chatPath}`, { model: 'tiny', messages, max_tokens: 4 })).status).toBe(
      200,
    );
  }, 60_000);

  it('CVE-2025-62426: the switches of a template are a list of known ones', async () => {
    const hostile = {
      chat_template: '{% for i in range(10**9) %}x{% endfor %}',
      tokenize: true,
      add_generation_prompt: false,
    };
    const { url, workers } = await startTestCluster();
    for (const [name, value] of Object.entries(hostile)) {
      const startedAt = performance.now();
      await post(`${url}${chatPath}`, {
        model: 'test-model',
        messages,
        chat_template_kwargs: { [name]: value },
      });
      await post(`${url}${chatPath}`, { model: 'test-model', messages, [name]: value });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    }
    for (const name of Object.keys(hostile))
      expect(JSON.stringify(workers[0]?.requests)).not.toContain(`"${name}"`);
  });

  it('CVE-2025-46570, -25183: cached prompts are told apart by key, by a hash that nobody can collide', async () => {
    const { dataDir, create } = temporaryKeys();
    const keys = [create(), create()];
    const { url, workers } = await startTestCluster({ controller: { dataDir } });
    const long = [{ role: 'user', content: 'the same prompt of both '.repeat(50) }];
    for (const { text } of keys)
      await post(
        `${url}${chatPath}`,
        { model: 'test-model', messages: long },
        { authorization: `Bearer ${text}` },
      );
    const [first, second] = workers[0]?.requests ?? [];
    expect(first?.principal.cacheNamespace).not.toBe(second?.principal.cacheNamespace);
    const marks = ({ prefixChain }: { prefixChain?: unknown }) => JSON.stringify(prefixChain);
    expect(marks(first as object)).not.toBe(marks(second as object));
  });

  it('CVE-2025-48956: headers cannot fill the memory', async () => {
    const statuses = new Set<number>();
    for (const bytes of [17_000, 60_000]) {
      const headers = { 'x-huge': 'x'.repeat(bytes) };
      statuses.add((await fetch(`${real.url}/v1/models`, { headers })).status);
    }
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x-${index}`, '']));
    statuses.add((await fetch(`${real.url}/v1/models`, { headers: many })).status);
    expect([...statuses]).toEqual([431]);
  });

  it('CVE-2024-50050 and its family: what workers say is JSON of a known shape, from those with the token', async () => {
    const pickle = Buffer.from('gASVIwAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAhlY2hvIHB3bpSFlFKULg==', 'base64');
    const send = (
      body: Buffer | string,
      contentType: string,
      headers: Record<string, string> = clusterAuthorization,
    ) =>
      fetch(real.url + internalPaths.nodes, {
        method: 'POST',
        headers: { 'content-type': contentType, ...headers },
        body,
      });
    expect((await send(pickle, 'application/json', {})).status).toBe(401);
    expect((await send(pickle, 'application/octet-stream')).status).toBe(415);
    expect((await send(pickle, 'application/json')).status).toBe(400);
    const polluting =
      '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}},"nodeId":"worker_1"}';
    expect((await send(polluting, 'application/json')).status).toBe(400);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});

interface Status {
  readonly nodes: readonly {
    readonly state: string;
    readonly pid: number;
    readonly slots: { busy: number };
  }[];
}

describe('llama.cpp', () => {
  it('CVE-2026-21869: what an engine could be steered with does not reach it', async () => {
    const steering = {
      n_discard: -1,
      n_keep: -1,
      id_slot: 0,
      cache_prompt: false,
      n_probs: -1,
      t_max_predict_ms: -1,
      samplers: ['x'],
      grammar: 'root ::= "x"',
      lora: [{ id: 0, scale: -1 }],
    };
    const { url, workers } = await startTestCluster();
    for (const [name, value] of Object.entries(steering)) {
      const { status } = await post(`${url}${chatPath}`, { model: 'test-model', messages, [name]: value });
      expect([name, [200, 400].includes(status)]).toEqual([name, true]);
    }
    const seen = JSON.stringify(workers[0]?.requests);
    for (const name of Object.keys(steering)) expect(seen).not.toContain(`"${name}"`);
    for (const max_tokens of [-1, -2_147_483_648, 1e30, 0.5])
      expect((await post(`${url}${chatPath}`, { model: 'test-model', messages, max_tokens })).status).toBe(
        400,
      );
  });

  it('#24496: a client that leaves ends its generation', async () => {
    const leaving = new AbortController();
    const stream = await fetch(`${real.url}${chatPath}`, {
      method: 'POST',
      signal: leaving.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', messages, stream: true, ignore_eos: true }),
    });
    await stream.body?.getReader().read();
    leaving.abort();
    await eventually(async () => {
      const { nodes } = (await real.send('/cluster/status')).body as Status;
      expect(nodes[0]?.slots.busy).toBe(0);
    });
  });

  it('#5837: no path shows what others ask', async () => {
    for (const path of [
      '/slots',
      '/props',
      '/lora-adapters',
      '/v1/slots',
      '/slots/0?action=save',
      '/completion',
    ])
      expect([404, 405]).toContain((await fetch(real.url + path)).status);
  });
});

describe('llama-cpp-python', () => {
  it('CVE-2024-34359: a template of a model file runs nothing of the program', () => {
    const reach = [
      "{{ messages.constructor.constructor('return process')().exit(7) }}",
      "{{ ''.constructor.constructor('return globalThis.pwned = 1')() }}",
      '{{ self.__init__.__globals__.__builtins__ }}',
      "{% for x in ().__class__.__base__.__subclasses__() %}{{ x('id') }}{% endfor %}",
      "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
      "{{ strftime_now.constructor('return globalThis.pwned = 1')() }}",
      '{{ process.env }}{{ globalThis }}{{ require }}',
      '{% set x = messages.__proto__ %}{{ x.polluted }}',
    ];
    for (const source of reach) {
      let shown = '';
      try {
        const template = createChatTemplate(source, { bosText: '', eosText: '', now: () => new Date(0) });
        shown = template.render({ messages });
      } catch {
        // Refused, which is as good.
      }
      expect(shown.replaceAll(/\s/g, '')).toMatch(/^(null|undefined|None)*$/i);
    }
    expect((globalThis as { pwned?: number }).pwned).toBeUndefined();
  });
});

/** Without the pauses of the machine. */
function trim(times: readonly number[]): number[] {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted.slice(0, Math.floor(sorted.length * 0.9));
}

/** Welch's t of two samples. */
function welch(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = (values: readonly number[]) => {
    const middle = mean(values);
    return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
  };
  return (mean(a) - mean(b)) / Math.sqrt(variance(a) / a.length + variance(b) / b.length);
}
