import type { ModelKind } from '../../protocol/workerApi.js';
import { parseBody } from '../../protocol/parseBody.js';
import type { Dispatcher } from '../dispatch.js';
import { createTrace, type InferenceContext } from '../requestContext.js';
import type { Answer } from '../respond.js';
import { requireModel, type ModelRegistry } from '../routes/models.js';
import { toGenerationNeed, type ModelTokens } from '../limits/toTokenNeed.js';
import { runChoices } from '../runChoices.js';
import type { Asker, GenerationEndpoint } from './endpoint.js';

export interface GenerationDeps {
  readonly dispatcher: Pick<Dispatcher, 'generate'>;
  readonly models: ModelRegistry;
  /** What requests of a model may use, as far as they do not say it. */
  readonly modelTokens: (model: string) => ModelTokens;
}

/**
 * Checks a body and begins what it asks for; nothing runs before the first event is taken. What becomes known on the
 * way is noted in `inference`.
 *
 * @throws ApiError
 */
export async function beginGeneration<Body extends { model: string }>(
  { dispatcher, models, modelTokens }: GenerationDeps,
  endpoint: GenerationEndpoint<Body>,
  body: unknown,
  { asker, inference, signal }: { asker: Asker; inference: InferenceContext; signal: AbortSignal },
): Promise<Answer> {
  const parsed = parseBody(endpoint.schema, body);
  inference.isStream = (parsed as { stream?: unknown }).stream === true;
  requireModel(models, asker, parsed.model, 'generation' satisfies ModelKind);
  inference.model = parsed.model;
  const { requests, choicesPerPrompt, params, presenter, keep } = await endpoint.prepare(parsed, asker);
  inference.traces = requests.map(createTrace);
  inference.choicesPerPrompt = choicesPerPrompt;
  inference.maxTokens = requests[0]?.maxTokens ?? undefined;
  const { traces, account } = inference;
  account?.reserve(
    () => toGenerationNeed(requests, choicesPerPrompt, modelTokens(parsed.model)),
    () => traces.reduce((sum, { completionTokens }) => sum + completionTokens, 0),
  );
  const { deadlineAt } = asker;
  const onPrompt = account?.countPrompt;
  const choices = {
    signal,
    params,
    choicesPerPrompt,
    traces,
    deadlineAt,
    ...(onPrompt && { onPrompt }),
  };
  const events = runChoices(dispatcher, requests, choices);
  return { events, presenter, inference, keep };
}
