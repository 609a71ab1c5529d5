import express, { Router } from 'express';
import { parseBody } from '../../protocol/parseBody.js';
import {
  DetokenizeRequest,
  TokenizeRequest,
  type DetokenizeResponse,
  type TokenizeResponse,
} from '../../protocol/tokenization.js';
import { internalPaths } from '../../protocol/workerApi.js';
import { requireKnownTokens } from '../generation/requireKnownTokens.js';
import { maxBodyBytes, requireModel, type RouteDeps } from './routeDeps.js';

/** Text to tokens and back, for models of every kind. */
export function createTokenizationRoutes(deps: RouteDeps): Router {
  const router = Router();
  const json = express.json({ limit: maxBodyBytes });

  router.post(internalPaths.tokenize, json, (req, res) => {
    const { model, text, special, withPieces } = parseBody(TokenizeRequest, req.body);
    const { tokenizer } = requireModel(deps, model);
    const tokens = tokenizer.tokenize(text, { special });
    const pieces = withPieces ? { pieces: tokens.map((token) => tokenizer.tokenBytes(token)) } : {};
    res.json({ tokens, ...pieces } satisfies TokenizeResponse);
  });
  router.post(internalPaths.detokenize, json, (req, res) => {
    const { model, tokens } = parseBody(DetokenizeRequest, req.body);
    const { tokenizer } = requireModel(deps, model);
    requireKnownTokens(tokens, tokenizer.vocabularySize);
    const text = tokenizer.detokenize(tokens, [], { special: true });
    res.json({ text } satisfies DetokenizeResponse);
  });
  return router;
}
