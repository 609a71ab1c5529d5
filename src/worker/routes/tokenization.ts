import express, { Router } from 'express';
import { parseBody } from '../../protocol/parseBody.js';
import {
  DetokenizeRequest,
  TokenizeRequest,
  type DetokenizeResponse,
  type TokenizeChatRequest,
  type TokenizeResponse,
  type TokenizeTextRequest,
} from '../../protocol/tokenization.js';
import { internalPaths } from '../../protocol/workerApi.js';
import { ChatTemplateError } from '../chat/chatTemplate.js';
import { refuseHopelessPrompt } from '../generation/longPrompt.js';
import { requireKnownTokens } from '../requireKnownTokens.js';
import { RefusedError, refusingInput } from '../refusedError.js';
import type { WorkerModel } from '../workerModel.js';
import { maxBodyBytes, requireModel, wrongKind, type RouteDeps } from './routeDeps.js';

/** Text to tokens and back, for models of every kind. */
export function createTokenizationRoutes(deps: RouteDeps): Router {
  const router = Router();
  const json = express.json({ limit: maxBodyBytes });

  const tokenize = deps.countCalls('tokenize', async (req, res) => {
    const request = parseBody(TokenizeRequest, req.body);
    const model = requireModel(deps, request.model);
    const tokens = 'chat' in request ? await tokensOfChat(model, request) : tokensOfText(model, request);
    const pieces = request.withPieces
      ? { pieces: tokens.map((token) => model.tokenizer.tokenBytes(token)) }
      : {};
    res.json({ tokens, ...pieces } satisfies TokenizeResponse);
  });
  const detokenize = deps.countCalls('detokenize', (req, res) => {
    const { model, tokens } = parseBody(DetokenizeRequest, req.body);
    const { tokenizer } = requireModel(deps, model);
    refusingInput(0, () => requireKnownTokens(tokens, tokenizer.vocabularySize));
    const text = tokenizer.detokenize(tokens, [], { special: true });
    res.json({ text } satisfies DetokenizeResponse);
  });
  router.post(internalPaths.tokenize, json, tokenize);
  router.post(internalPaths.detokenize, json, detokenize);
  return router;
}

function tokensOfText(
  { tokenizer, bound }: WorkerModel,
  { text, special, withBounds }: TokenizeTextRequest,
): number[] {
  const tokens = tokenizer.tokenize(text, { special });
  return withBounds ? bound(tokens) : tokens;
}

async function tokensOfChat(model: WorkerModel, { model: id, chat }: TokenizeChatRequest): Promise<number[]> {
  if (model.kind !== 'generation') throw wrongKind(id, model.kind, 'generation');
  await refuseHopelessPrompt(chat, model.tokenizer, model.report().contextTokens);
  try {
    return model.prompt.toPrompt(chat).tokens;
  } catch (error) {
    if (error instanceof ChatTemplateError) throw new RefusedError('invalid_prompt', error.message);
    throw error;
  }
}
