import { decodeVector } from '../../protocol/embedding.js';
import { EmbeddingsRequest, toReadingUsage, type EmbeddingList } from '../../protocol/openai/embeddings.js';
import { never, refuseParameters } from '../../protocol/openai/unsupportedParameters.js';
import { parseBody } from '../../protocol/parseBody.js';
import { toReadingNeed } from '../limits/toTokenNeed.js';
import { requireModel } from '../routes/models.js';
import { toReadingWork } from '../requestWork.js';
import { noteModel, type Execute, type ExecuteDeps } from './execute.js';

/** An input that is too long is refused, never cut. */
export const unsupportedInEmbeddings = { truncate_prompt_tokens: never };

/** `POST /v1/embeddings`: all inputs of a request go to one worker, which takes them one after another. */
export function createEmbeddings({ dispatcher, workers, models }: ExecuteDeps): Execute {
  return async function executeEmbeddings(body, asker, signal, inference) {
    const { requestId, principal, deadlineAt } = asker;
    const request = parseBody(EmbeddingsRequest, body);
    const { model, input, encoding_format: format, dimensions = null } = request;
    refuseParameters(request, unsupportedInEmbeddings);
    requireModel(models, asker, model, 'embedding');
    const trace = noteModel(inference, model);

    const { inputs, paramOf } = toInputs(input);
    inference?.account?.reserve(() => toReadingNeed(inputs, models.factsOf(model)?.contextTokens));
    const { embeddings, promptTokens } = await dispatcher.call(
      {
        requestId,
        principal,
        model,
        work: toReadingWork(inputs),
        content: () => ({ model, inputs, dimensions }),
      },
      { signal, trace, promptParam: 'input', inputParam: paramOf, deadlineAt },
      (url, attempt) => workers.embed(url, { model, principal, inputs, dimensions }, attempt),
    );
    trace.promptTokens = promptTokens;
    return {
      object: 'list',
      data: embeddings.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: format === 'base64' ? vector : decodeVector(vector),
      })),
      model,
      usage: toReadingUsage(promptTokens),
    } satisfies EmbeddingList;
  };
}

function toInputs(input: EmbeddingsRequest['input']): {
  inputs: (string | number[])[];
  paramOf: (index: number) => string;
} {
  if (typeof input === 'string' || isTokens(input)) return { inputs: [input], paramOf: () => 'input' };
  return { inputs: input, paramOf: (index) => `input[${index}]` };
}

function isTokens(input: readonly unknown[]): input is number[] {
  return typeof input[0] === 'number';
}
