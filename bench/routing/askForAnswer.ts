import { z } from 'zod';
import { headers } from '../../src/protocol/headers.js';

const Route = z.object({ expectedCachedTokens: z.number() });

const Chunk = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })),
  usage: z
    .object({ prompt_tokens: z.number(), prompt_tokens_details: z.object({ cached_tokens: z.number() }) })
    .nullish(),
});

export interface Answer {
  readonly text: string;
  readonly firstTokenMs: number;
  readonly totalMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly expectedCachedTokens: number;
}

/** One answer of exactly so many tokens, as a client of the API gets it. @throws Error where it is none. */
export async function askForAnswer(
  url: string,
  model: string,
  messages: readonly { readonly role: string; readonly content: string }[],
  tokens: number,
): Promise<Answer> {
  const sentAt = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [headers.explain]: 'route' },
    body: JSON.stringify({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: tokens,
      temperature: 0,
      ignore_eos: true,
    }),
  });
  if (response.status !== 200) throw new Error(`status ${response.status}: ${await response.text()}`);
  const route = Route.parse(JSON.parse(response.headers.get(headers.route) ?? '{}'));
  let text = '';
  let firstTokenMs: number | undefined;
  let usage: z.infer<typeof Chunk>['usage'];
  let rest = '';
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue;
      const chunk = Chunk.parse(JSON.parse(line.slice('data: '.length)));
      const content = chunk.choices[0]?.delta.content ?? '';
      if (content !== '') firstTokenMs ??= performance.now() - sentAt;
      text += content;
      usage = chunk.usage ?? usage;
    }
  }
  if (!usage) throw new Error('the stream ended without its usage');
  const totalMs = performance.now() - sentAt;
  return {
    text,
    firstTokenMs: firstTokenMs ?? totalMs,
    totalMs,
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details.cached_tokens,
    ...route,
  };
}
