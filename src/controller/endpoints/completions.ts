import { CompletionRequest } from '../../protocol/openai/completions.js';
import { refuseUnsupportedParameters } from '../../protocol/openai/unsupportedParameters.js';
import { mintIdentity } from '../presenters/chatCompletion.js';
import { createTextCompletionPresenter } from '../presenters/textCompletion.js';
import { toTextRequests } from '../translate/completion.js';
import type { GenerationEndpoint } from './endpoint.js';

/** `POST /v1/completions`. */
export const completionsEndpoint: GenerationEndpoint<CompletionRequest> = {
  path: '/v1/completions',
  schema: CompletionRequest,
  prepare(body, asker) {
    refuseUnsupportedParameters(body, new Set(['best_of']));
    const requests = toTextRequests(body, asker);
    return {
      requests,
      choicesPerPrompt: body.n ?? 1,
      params: { promptParam: 'prompt' },
      isStream: body.stream === true,
      presenter: createTextCompletionPresenter({
        identity: mintIdentity('cmpl-', body.model),
        choices: requests.length,
        includeUsage: body.stream_options?.include_usage === true,
        topLogprobs: body.logprobs ?? null,
      }),
    };
  },
};
