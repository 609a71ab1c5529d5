import { isUtf8 } from 'node:buffer';
import {
  DetokenizeBody,
  TokenizeContentRequest,
  TokenizeMessagesRequest,
  TokenizePromptRequest,
  type DetokenizeAnswer,
  type TokenizeContentAnswer,
  type TokenizePromptAnswer,
} from '../../protocol/openai/tokenization.js';
import { equals, never, refuseParameters } from '../../protocol/openai/unsupportedParameters.js';
import { parseBody } from '../../protocol/parseBody.js';
import type { TokenizeRequest, TokenizeResponse } from '../../protocol/tokenization.js';
import { resolveModel } from '../routes/models.js';
import { toChatMessages } from '../translate/messages.js';
import { toToolUse } from '../translate/tools.js';
import { chooseForm } from './chooseForm.js';
import { noteModel, type Execute, type ExecuteDeps } from './execute.js';

/** `POST /tokenize`, in llama.cpp's form (`content`) or in vLLM's (`prompt` or `messages`). */
export function createTokenize({ askReadyWorker, workers, models }: ExecuteDeps): Execute {
  return async function executeTokenize(body, asker, signal, inference) {
    const form = readForm(body);
    const model = resolveModel(
      models,
      asker,
      form.model,
      form.param === 'messages' ? 'generation' : undefined,
    );
    const trace = noteModel(inference, model);
    const answer = await askReadyWorker(
      { requestId: asker.requestId, model },
      { signal, trace, promptParam: form.param },
      (url) => workers.tokenize(url, { model, ...form.request }, signal),
    );
    return form.present(answer, models.factsOf(model)?.contextTokens ?? 0);
  };
}

/** `POST /detokenize`. */
export function createDetokenize({ askReadyWorker, workers, models }: ExecuteDeps): Execute {
  return async function executeDetokenize(body, asker, signal, inference) {
    const { model: id, tokens } = parseBody(DetokenizeBody, body);
    const model = resolveModel(models, asker, id, undefined);
    const trace = noteModel(inference, model);
    const { text } = await askReadyWorker(
      { requestId: asker.requestId, model },
      { signal, trace, promptParam: 'tokens', inputParam: () => 'tokens' },
      (url) => workers.detokenize(url, { model, tokens }, signal),
    );
    return { content: text, prompt: text } satisfies DetokenizeAnswer;
  };
}

/** One of the ways to ask for tokens. */
interface TokenizeForm {
  readonly model: string | null | undefined;
  /** The parameter with the text. */
  readonly param: string;
  readonly request: WithoutModel<TokenizeRequest>;
  present(answer: TokenizeResponse, contextTokens: number): object;
}

type WithoutModel<T> = T extends unknown ? Omit<T, 'model'> : never;

function readForm(body: unknown): TokenizeForm {
  const form = chooseForm(body, ['content', 'prompt', 'messages']);
  if (form === 'messages') return readMessages(body);
  return form === 'prompt' ? readPrompt(body) : readContent(body);
}

function readContent(body: unknown): TokenizeForm {
  const request = parseBody(TokenizeContentRequest, body);
  return {
    model: request.model,
    param: 'content',
    request: {
      text: request.content,
      special: request.parse_special ?? true,
      withBounds: request.add_special ?? false,
      withPieces: request.with_pieces ?? false,
    },
    present: ({ tokens, pieces }): TokenizeContentAnswer => ({
      tokens: pieces ? tokens.map((id, index) => ({ id, piece: toPiece(pieces[index]) })) : tokens,
    }),
  };
}

function toPiece(base64 = ''): string | number[] {
  const bytes = Buffer.from(base64, 'base64');
  return isUtf8(bytes) ? bytes.toString() : [...bytes];
}

function readPrompt(body: unknown): TokenizeForm {
  const request = parseBody(TokenizePromptRequest, body);
  return {
    model: request.model,
    param: 'prompt',
    request: {
      text: request.prompt,
      special: true,
      withBounds: request.add_special_tokens ?? true,
      withPieces: request.return_token_strs ?? false,
    },
    present: presentCount,
  };
}

/** Messages are written as for a chat completion, which these would change. */
export const unsupportedInTokenizedMessages = {
  add_generation_prompt: equals(true),
  continue_final_message: equals(false),
  add_special_tokens: equals(false),
  chat_template: never,
};

function readMessages(body: unknown): TokenizeForm {
  const request = parseBody(TokenizeMessagesRequest, body);
  refuseParameters(request, unsupportedInTokenizedMessages);
  const tools = (request.tools ?? []).map((tool) => tool.function);
  return {
    model: request.model,
    param: 'messages',
    request: {
      chat: {
        messages: toChatMessages(request.messages),
        ...toToolUse(tools, null),
        templateOptions: request.chat_template_kwargs ?? {},
      },
      withPieces: request.return_token_strs ?? false,
    },
    present: presentCount,
  };
}

function presentCount({ tokens, pieces }: TokenizeResponse, contextTokens: number): TokenizePromptAnswer {
  return {
    count: tokens.length,
    max_model_len: contextTokens,
    tokens,
    token_strs: pieces?.map((piece) => Buffer.from(piece, 'base64').toString()) ?? null,
  };
}
