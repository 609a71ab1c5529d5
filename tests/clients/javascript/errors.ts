import { expect } from 'vitest';
import { scriptedModel } from '../../support/liveCluster.js';
import { tinyChat, user, type Behaviour, type Stage } from './behaviour.js';

type ErrorName = 'BadRequestError' | 'NotFoundError' | 'APIError' | 'InternalServerError';

/** The error of the class that the client has for it, with the id that stands in the log. */
async function expectError(
  { OpenAI, cluster }: Pick<Stage, 'OpenAI' | 'cluster'>,
  asked: Promise<unknown>,
  name: ErrorName,
  fields: Record<string, unknown>,
): Promise<{ message: string; headers?: Headers }> {
  const error: unknown = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
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
