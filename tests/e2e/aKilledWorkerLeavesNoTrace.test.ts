import OpenAI from 'openai';
import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startUp, type UpProcess } from '../support/upProcess.js';

let up: UpProcess;
let client: OpenAI;
beforeAll(async () => {
  up = await startUp({ tiny: { endless: true }, args: ['--context', '4096', '--slots', '2'] });
  client = new OpenAI({ baseURL: `${up.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => up.cleanUp());

const schema = {
  type: 'object',
  properties: { cities: { type: 'array', items: { enum: ['Oslo', 'Rome'] }, minItems: 200, maxItems: 200 } },
  required: ['cities'],
  additionalProperties: false,
};
const asked = {
  model: 'tiny-test',
  messages: [{ role: 'user' as const, content: 'a long story' }],
  temperature: 0,
  stream: true as const,
  stream_options: { include_usage: true },
};

/** Everything that a client sees, apart from ids and times; `onChunk` is called with the number of chunks so far. */
async function transcriptOf(
  params: ChatCompletionCreateParamsStreaming,
  onChunk?: (chunks: number) => unknown,
) {
  const transcript = {
    ids: new Set<string>(),
    content: '',
    calls: [] as { id: string; name: string; arguments: string }[],
    finishReasons: [] as string[],
    usage: [] as unknown[],
  };
  let chunks = 0;
  for await (const { id, choices, usage } of await client.chat.completions.create(params)) {
    transcript.ids.add(id);
    const [choice] = choices;
    transcript.content += choice?.delta.content ?? '';
    for (const call of choice?.delta.tool_calls ?? []) {
      const known = (transcript.calls[call.index] ??= { id: '', name: '', arguments: '' });
      known.id += call.id ?? '';
      known.name += call.function?.name ?? '';
      known.arguments += call.function?.arguments ?? '';
    }
    if (choice?.finish_reason) transcript.finishReasons.push(choice.finish_reason);
    if (usage) transcript.usage.push([usage.prompt_tokens, usage.completion_tokens]);
    await onChunk?.(++chunks);
  }
  const calls = transcript.calls.map(({ id, ...call }) => ({ ...call, idLength: id.length }));
  return { ...transcript, ids: transcript.ids.size, calls };
}

async function killBusyWorker(): Promise<void> {
  const busy = (await up.status()).nodes.find(({ slots }) => slots.busy > 0);
  if (!busy?.pid) throw new Error('no worker is busy');
  process.kill(busy.pid, 'SIGKILL');
}

it.each([
  ['a text', { ...asked, max_tokens: 1_500 }],
  [
    'a JSON schema',
    {
      ...asked,
      response_format: { type: 'json_schema' as const, json_schema: { name: 'list', schema, strict: true } },
    },
  ],
  [
    'a tool call',
    {
      ...asked,
      tools: [{ type: 'function' as const, function: { name: 'visit', parameters: schema, strict: true } }],
      tool_choice: 'required' as const,
      parallel_tool_calls: false,
    },
  ],
])('in the middle of %s', { timeout: 60_000 }, async (_name, params) => {
  const undisturbed = await transcriptOf(params);
  await expect
    .poll(async () => (await up.status()).nodes.map(({ status }) => status), { timeout: 20_000 })
    .toEqual(['healthy', 'healthy']);
  const failuresBefore = up.output().match(/attempt failed/g)?.length ?? 0;

  const disturbed = await transcriptOf(params, (chunks) => (chunks === 40 ? killBusyWorker() : undefined));

  expect(disturbed).toEqual(undisturbed);
  expect(undisturbed.content + undisturbed.calls.map((call) => call.arguments).join('')).not.toBe('');
  expect(up.output().match(/attempt failed/g)).toHaveLength(failuresBefore + 1);
  expect((await up.status()).totals.errors).toBe(0);
});
