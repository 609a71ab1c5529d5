import type { GenerateRequest } from '../../src/protocol/generateRequest.js';
import type { GenerationEvent, OutputDelta } from '../../src/protocol/generation.js';
import type { Script, WorkerCall } from './fakeWorker.js';
import { answer, stall, tokenIdOf } from './workerScripts.js';

/** Answers with these deltas, one token each. */
function say(deltas: readonly OutputDelta[], finishReason: 'stop' | 'tool_calls' = 'stop'): Script {
  return async (call) => {
    await call.send({ type: 'accepted', promptTokens: 7, cachedTokens: 0 });
    for (const [index, delta] of deltas.entries()) await call.send(toOutput(call.request, delta, index));
    const reasoningTokens = deltas.filter(({ type }) => type === 'reasoning').length;
    await call.send({
      type: 'done',
      deltas: [],
      finishReason,
      usage: { promptTokens: 7, completionTokens: deltas.length, reasoningTokens, cachedTokens: 0 },
      timings: { prefillMs: 1, decodeMs: 1 },
    });
  };
}

function toOutput(request: GenerateRequest, delta: OutputDelta, index: number): GenerationEvent {
  const token = {
    token: tokenIdOf(index),
    bytes: Buffer.from(delta.delta).toString('base64'),
    logprob: -0.5,
  };
  const top = Array.from({ length: request.topLogprobs ?? 0 }, () => token);
  return {
    type: 'output',
    choice: 0,
    tokenIds: [token.token],
    deltas: [delta],
    ...(request.topLogprobs === null ? {} : { logprobs: [{ ...token, top }] }),
  };
}

const text = (delta: string): OutputDelta => ({ type: 'text', delta });
const call = (index: number, name: string, pieces: readonly string[]): OutputDelta[] => [
  { type: 'toolCall', index, name, delta: '' },
  ...pieces.map((delta): OutputDelta => ({ type: 'toolCall', index, delta })),
];

/** What the fake worker answers to a last message; `tests/clients/` asks for these in three languages. */
const scenarios = new Map<string, Script>(
  Object.entries({
    'Say hello.': say(['Hel', 'lo', ' wörld', ' 🦙'].map(text)),
    'Think first.': say([{ type: 'reasoning', delta: 'Hm.' }, text('Done.')]),
    'How is the weather?': say(
      [
        ...call(0, 'get_weather', ['{"city":', '"Oslo"}']),
        ...call(1, 'get_weather', ['{"city":', '"Rome"}']),
      ],
      'tool_calls',
    ),
    'Say nothing.': say([]),
    'Where is it?': say([text('{"city":"Oslo",'), text('"degrees":3}')]),
    'Fail on the way.': answer(['Hel', 'lo', ' never'], {
      fault: {
        afterTokens: 2,
        run: ({ send }) =>
          send({ type: 'error', code: 'engine_failed', message: 'scripted', retryable: false }),
      },
    }),
    'Talk for ever.': async (worker) => {
      await worker.send({ type: 'accepted', promptTokens: 7, cachedTokens: 0 });
      await worker.send(toOutput(worker.request, text('and'), 0));
      await stall(worker);
    },
  }),
);

/** What a tool returned is read out, so that the second turn of a conversation shows it was there. */
function readOutTools(worker: WorkerCall, results: readonly string[]): Promise<void> | void {
  return say([text(results.join(' and '))])(worker);
}

/** Answers what was asked last, by the table above; anything else gets `Hello`. */
export const playScenario: Script = (worker) => {
  const { request } = worker;
  if (request.kind === 'text') return say([text(' there')])(worker);
  const results = request.messages.flatMap((message) => (message.role === 'tool' ? [message.content] : []));
  const last = request.messages.at(-1);
  if (last?.role === 'tool') return readOutTools(worker, results);
  return (scenarios.get(last?.content ?? '') ?? say([text('Hello')]))(worker);
};
