import { MessagesRequest } from '../../protocol/anthropic/messages.js';
import { createAnthropicMessagePresenter } from '../presenters/anthropicMessage.js';
import { toMessageRequest } from '../translate/anthropicMessages.js';
import { toolAt } from '../translate/tools.js';
import type { GenerationEndpoint } from './endpoint.js';

/** `POST /v1/messages`, Anthropic's way to ask for an answer. */
export const anthropicMessagesEndpoint: GenerationEndpoint<MessagesRequest> = {
  path: '/v1/messages',
  schema: MessagesRequest,
  prepare(body, asker) {
    return {
      requests: [toMessageRequest(body, asker)],
      choicesPerPrompt: 1,
      params: {
        promptParam: 'messages',
        schemaParam: 'output_config.format',
        toolParam: (name) => `${toolAt(body.tools, (tool) => tool.name === name)}.input_schema`,
      },
      isStream: body.stream === true,
      presenter: createAnthropicMessagePresenter({
        model: body.model,
        requestId: asker.requestId,
        maxTokens: body.max_tokens,
        showsThinking: body.thinking?.display !== 'omitted',
      }),
    };
  },
};
