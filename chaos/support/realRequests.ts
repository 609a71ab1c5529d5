import { realModel } from './realCluster.js';

const subjects = ['the sea', 'a lighthouse', 'winter', 'bread', 'a river', 'the moon', 'an old clock', 'tea'];
const schema = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 20 },
    population: { type: 'integer', minimum: 0, maximum: 99_999_999 },
    districts: { type: 'array', items: { type: 'string', maxLength: 12 }, minItems: 2, maxItems: 3 },
  },
  required: ['city', 'population', 'districts'],
  additionalProperties: false,
};
const tool = {
  type: 'function',
  function: {
    name: 'plan_trip',
    description: 'Plans a trip',
    strict: true,
    parameters: {
      type: 'object',
      properties: {
        from: { type: 'string', maxLength: 16 },
        to: { type: 'string', maxLength: 16 },
        days: { type: 'integer' },
      },
      required: ['from', 'to', 'days'],
      additionalProperties: false,
    },
  },
};

/** Greedy requests of three kinds, each another one: two of three are text, the others a tool call or a JSON schema. */
export function createRequests(count: number): object[] {
  return Array.from({ length: count }, (_, index) => {
    const subject = subjects[index % subjects.length];
    const common = { model: realModel, temperature: 0, stream: true };
    const ask = (content: string) => [{ role: 'user', content }];
    switch (index % 6) {
      case 2:
        return {
          ...common,
          messages: ask(`Plan trip number ${index} to see ${subject}.`),
          tools: [tool],
          tool_choice: 'required',
          max_tokens: 96,
        };
      case 5:
        return {
          ...common,
          messages: ask(`Describe city number ${index}, famous for ${subject}.`),
          response_format: { type: 'json_schema', json_schema: { name: 'city', strict: true, schema } },
          max_tokens: 96,
        };
      default:
        return {
          ...common,
          messages: ask(`Write story number ${index} about ${subject}.`),
          max_tokens: 48 + ((index * 7) % 49),
        };
    }
  });
}

/**
 * What a client reads in a stream: text, calls and finish reasons, one after another.
 *
 * @throws where it fails or is cut.
 */
export async function readTranscript(url: string, body: object): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`status ${response.status}: ${text}`);
  const frames = text.split('\n\n').filter((frame) => frame.startsWith('data: '));
  if (frames.at(-1) !== 'data: [DONE]') throw new Error(`the stream ended with ${frames.at(-1)}`);
  return frames
    .slice(0, -1)
    .map((frame) => JSON.parse(frame.slice('data: '.length)) as Chunk)
    .flatMap(({ choices }) => choices ?? [])
    .map(({ delta, finish_reason: reason }) => {
      const calls = (delta.tool_calls ?? []).map(
        (call) => (call.function.name ?? '') + (call.function.arguments ?? ''),
      );
      return (delta.content ?? '') + calls.join('') + (reason === null ? '' : `<${reason}>`);
    })
    .join('');
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta: {
      readonly content?: string | null;
      readonly tool_calls?: readonly {
        readonly function: { readonly name?: string; readonly arguments?: string };
      }[];
    };
    readonly finish_reason: string | null;
  }[];
}
