import type { ApiError } from '../../protocol/apiError.js';
import { refuseResponseParameters } from '../../protocol/openai/responses/refusedParameters.js';
import { ResponseRequest } from '../../protocol/openai/responses/request.js';
import type { ResponseStore } from '../../stores/responseStore.js';
import { mintIdentity } from '../presenters/chatCompletion.js';
import { createResponsePresenter } from '../presenters/response.js';
import { beginResponse } from '../presenters/responseObject.js';
import { toResponseGeneration } from '../translate/response.js';
import { readInput } from '../translate/responseInput.js';
import { toolAt } from '../translate/tools.js';
import type { GenerationEndpoint } from './endpoint.js';

/**
 * `POST /v1/responses`. A response is stored before its client sees that it is complete, or why it is not, unless
 * `store` is false.
 */
export function createResponsesEndpoint(store: ResponseStore): GenerationEndpoint<ResponseRequest> {
  return {
    path: '/v1/responses',
    schema: ResponseRequest,
    prepare(body, asker) {
      refuseResponseParameters(body);
      const owner = asker.principal.keyId;
      const { earlier, added } = readInput(store, body, owner);
      const request = toResponseGeneration(body, [...earlier, ...added], asker);
      const presenter = createResponsePresenter(beginResponse(mintIdentity('resp_', body.model), body));
      const keep = (error?: ApiError) => {
        const response = error ? presenter.failed(error) : presenter.result();
        return store.put(owner, { response, input: added, lengths: presenter.lengths() });
      };
      return {
        requests: [request],
        choicesPerPrompt: 1,
        params: {
          promptParam: 'input',
          schemaParam: 'text.format',
          toolParam: (name) => `${toolAt(body.tools, (tool) => tool.name === name)}.parameters`,
        },
        isStream: body.stream === true,
        presenter,
        ...(body.store === false ? {} : { keep }),
      };
    },
  };
}
