import { ChatCompletionRequest } from '../../protocol/openai/chatCompletions.js';
import { refuseUnsupportedParameters } from '../../protocol/openai/unsupportedParameters.js';
import { createChatCompletionPresenter, mintIdentity } from '../presenters/chatCompletion.js';
import { toChatRequests } from '../translate/chatCompletion.js';
import { toolAt } from '../translate/tools.js';
import type { GenerationEndpoint } from './endpoint.js';

/** `POST /v1/chat/completions`. */
export const chatCompletionsEndpoint: GenerationEndpoint<ChatCompletionRequest> = {
  path: '/v1/chat/completions',
  schema: ChatCompletionRequest,
  prepare(body, asker) {
    refuseUnsupportedParameters(body);
    const requests = toChatRequests(body, asker);
    return {
      requests,
      choicesPerPrompt: requests.length,
      params: {
        promptParam: 'messages',
        schemaParam: 'response_format',
        toolParam: (name) =>
          `${toolAt(body.tools, (tool) => tool.function.name === name)}.function.parameters`,
      },
      isStream: body.stream === true,
      presenter: createChatCompletionPresenter({
        identity: mintIdentity('chatcmpl-', body.model),
        choices: requests.length,
        includeUsage: body.stream_options?.include_usage === true,
        withLogprobs: body.logprobs === true,
      }),
    };
  },
};
