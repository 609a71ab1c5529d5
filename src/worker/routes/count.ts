import express, { Router } from 'express';
import { CountRequest, type CountResponse } from '../../protocol/count.js';
import { parseBody } from '../../protocol/parseBody.js';
import { internalPaths } from '../../protocol/workerApi.js';
import { ChatTemplateError } from '../chat/chatTemplate.js';
import { countInSlices, hopelessTokens, textsOf } from '../generation/longPrompt.js';
import { RefusedError } from '../refusedError.js';
import { maxBodyBytes, requireModel, wrongKind, type RouteDeps } from './routeDeps.js';

/**
 * The length of a chat's prompt, exactly as a generation would have it; it may be longer than the context. One that is
 * far too long is counted roughly, without its template.
 */
export function createCountRoute(deps: RouteDeps): Router {
  const router = Router();
  const countTokens = deps.countCalls('count', async (req, res) => {
    const request = parseBody(CountRequest, req.body);
    const model = requireModel(deps, request.model);
    if (model.kind !== 'generation') throw wrongKind(request.model, model.kind, 'generation');
    const roughTokens = await countInSlices(textsOf(request), model.tokenizer, Infinity);
    if (roughTokens > hopelessTokens(model.report().contextTokens))
      return void res.json({ promptTokens: roughTokens } satisfies CountResponse);
    try {
      res.json({ promptTokens: model.prompt.toPrompt(request).tokens.length } satisfies CountResponse);
    } catch (error) {
      if (error instanceof ChatTemplateError) throw new RefusedError('invalid_prompt', error.message);
      throw error;
    }
  });
  router.post(internalPaths.count, express.json({ limit: maxBodyBytes }), countTokens);
  return router;
}
