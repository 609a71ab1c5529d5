import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { scriptedModel } from '../../support/liveCluster.js';
import { rejection, tinyChat, tinyResponse, user, type Behaviour, type Stage } from './behaviour.js';

type ErrorName = 'BadRequestError' | 'NotFoundError' | 'APIError' | 'InternalServerError';

/** The error of the class that the client has for it, with the id that stands in the log. */
async function expectError(
  { OpenAI, cluster }: Pick<Stage, 'OpenAI' | 'cluster'>,
  asked: PromiseLike<unknown>,
  name: ErrorName,
  fields: Record<string, unknown>,
): Promise<{ message: string; headers?: Headers }> {
  const error = await rejection(asked);
  expect(error).toBeInstanceOf(OpenAI[name]);
  expect(error).toMatchObject(fields);
  const { requestID } = error as { requestID: string };
  if (fields['status'] !== 503) expect(cluster.live.log.text()).toContain(requestID);
  expect(requestID).toMatch(/^req_[0-9a-f]{32}$/);
  return error as { message: string; headers?: Headers };
}

const badRequest = 'invalid_request_error';

export const errors: readonly Behaviour[] = [
  {
    name: 'raises what is wrong with a request, with parameter and code',
    async run(stage) {
      const { completions } = stage.client.chat;
      await expectError(stage, completions.create({ ...tinyChat, temperature: 3 }), 'BadRequestError', {
        status: 400,
        type: badRequest,
        code: 'decimal_above_max_value',
        param: 'temperature',
      });
      await expectError(stage, completions.create({ ...tinyChat, messages: [] }), 'BadRequestError', {
        code: 'empty_array',
        param: 'messages',
      });
    },
  },
  {
    name: 'raises a prompt that is too long before a stream begins',
    async run(stage) {
      const body = { ...tinyChat, messages: user('a b c '.repeat(2_000)), stream: true } as const;
      await expectError(stage, stage.client.chat.completions.create(body), 'BadRequestError', {
        status: 400,
        code: 'context_length_exceeded',
        param: 'messages',
      });
    },
  },
  {
    name: 'raises an unknown model as not found',
    async run(stage) {
      const asked = stage.client.chat.completions.create({ ...tinyChat, model: 'nope' });
      const fields = { status: 404, type: badRequest, code: 'model_not_found', param: 'model' };
      const error = await expectError(stage, asked, 'NotFoundError', fields);
      expect(error.message).toContain('The model `nope` does not exist');
    },
  },
  {
    name: 'raises what is wrong on every endpoint',
    async run(stage) {
      const { client, toFile } = stage;
      const file = await toFile(Buffer.from('{}'), 'in.jsonl');
      const batch = { endpoint: '/v1/completions', completion_window: '24h' } as const;
      const asked: [ask: () => PromiseLike<unknown>, code: string, param: string][] = [
        [() => client.responses.create({ model: 'tiny', input: [] }), 'empty_array', 'input'],
        [() => client.responses.create({ ...tinyResponse, top_p: 2 }), 'decimal_above_max_value', 'top_p'],
        [
          () => client.responses.create({ ...tinyResponse, previous_response_id: 'resp_x' }),
          'previous_response_not_found',
          'previous_response_id',
        ],
        [
          () => client.responses.create({ ...tinyResponse, input: 'a b c '.repeat(2_000), stream: true }),
          'context_length_exceeded',
          'input',
        ],
        [
          () => client.responses.stream({ ...tinyResponse, background: true }).done(),
          'unsupported_parameter',
          'background',
        ],
        [
          () => client.completions.create({ model: 'tiny', prompt: 'a', best_of: 30 }),
          'integer_above_max_value',
          'best_of',
        ],
        [() => client.embeddings.create({ model: 'tiny-embedding', input: '' }), 'empty_string', 'input'],
        [() => client.embeddings.create({ model: 'tiny', input: 'a' }), 'invalid_value', 'model'],
        [() => client.files.create({ file, purpose: 'nope' as 'batch' }), 'invalid_value', 'purpose'],
        [() => client.files.list({ limit: 0 }), 'integer_below_min_value', 'limit'],
        [
          () => client.batches.create({ ...batch, input_file_id: 'file-x' }),
          'invalid_value',
          'input_file_id',
        ],
        [() => client.batches.list({ limit: 1_000 }), 'integer_above_max_value', 'limit'],
      ];
      for (const [ask, code, param] of asked)
        await expectError(stage, ask(), 'BadRequestError', { status: 400, type: badRequest, code, param });
    },
  },
  {
    name: 'raises what is not there as not found, on every endpoint and on those that are not there either',
    async run(stage) {
      const { client } = stage;
      const asked: (() => PromiseLike<unknown>)[] = [
        () => client.responses.retrieve('resp_x'),
        () => client.responses.delete('resp_x'),
        () => client.responses.inputItems.list('resp_x'),
        () => client.files.retrieve('file-x'),
        () => client.files.content('file-x'),
        () => client.files.delete('file-x'),
        () => client.batches.retrieve('batch_x'),
        () => client.batches.cancel('batch_x'),
        () => client.chat.completions.retrieve('chatcmpl-x'),
        () => client.chat.completions.delete('chatcmpl-x'),
        () => client.chat.completions.messages.list('chatcmpl-x'),
        () => client.moderations.create({ input: 'a' }),
        () => client.images.generate({ prompt: 'a' }),
        () => client.vectorStores.list(),
        () => client.conversations.create(),
        () => client.fineTuning.jobs.list(),
      ];
      for (const ask of asked) {
        const fields = { status: 404, type: badRequest, code: null };
        const { message } = await expectError(stage, ask(), 'NotFoundError', fields);
        expect(message).toMatch(/^404 \S+/);
      }
    },
  },
  {
    name: 'raises what keeps it from the server as errors of its connection',
    async run({ OpenAI, cluster }) {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      server.close();
      await once(server, 'close');
      const nobody = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: 'unused', maxRetries: 0 });
      const unheard = await rejection(nobody.models.list());
      expect(unheard).toBeInstanceOf(OpenAI.APIConnectionError);
      expect(unheard).not.toBeInstanceOf(OpenAI.APIConnectionTimeoutError);

      const options = { baseURL: `${cluster.live.url}/v1`, apiKey: 'unused', maxRetries: 0, timeout: 200 };
      const hasty = new OpenAI(options);
      const body = { model: scriptedModel, messages: user('Talk for ever.') };
      const unanswered = await rejection(hasty.chat.completions.create(body));
      expect(unanswered).toBeInstanceOf(OpenAI.APIConnectionTimeoutError);
    },
  },
  {
    name: 'raises a body that is too large',
    async run(stage) {
      const asked = stage.client.chat.completions.create({ ...tinyChat, user: 'x'.repeat(11_000_000) });
      await expectError(stage, asked, 'APIError', { status: 413, type: badRequest, code: null, param: null });
    },
  },
  {
    name: 'raises a stream that fails on the way, after what came before',
    async run(stage) {
      const body = { model: scriptedModel, messages: user('Fail on the way.'), stream: true } as const;
      const stream = await stage.client.chat.completions.create(body);
      let text = '';
      const read = async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      };
      const fields = { status: undefined, type: 'server_error', code: null };
      await expectError(stage, read(), 'APIError', fields);
      expect(text).toBe('Hello');

      const folded = stage.client.chat.completions.stream(body).finalContent();
      await expect(folded).rejects.toThrow(/failed before it was finished/);
    },
  },
  {
    name: 'comes again as late as an overloaded server asks for, and raises it where it may not',
    async run(stage) {
      const { OpenAI, cluster } = stage;
      const options = { baseURL: `${cluster.busyUrl}/v1`, apiKey: 'unused' };
      const body = { model: scriptedModel, messages: user('Hi') };

      await cluster.overload();
      const impatient = new OpenAI({ ...options, maxRetries: 0 });
      const error = await expectError(stage, impatient.chat.completions.create(body), 'InternalServerError', {
        status: 503,
        type: 'service_unavailable_error',
        code: 'server_is_overloaded',
      });
      const seconds = Number(error.headers?.get('retry-after'));
      expect(seconds).toBeGreaterThanOrEqual(1);

      await cluster.overload();
      const patient = new OpenAI({ ...options, maxRetries: 2 });
      const startedAt = performance.now();
      const { choices } = await patient.chat.completions.create(body);
      expect(choices[0]?.message.content).toBe('Hello');
      // Without the header it would have come after half a second at most.
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(950);
    },
  },
];
