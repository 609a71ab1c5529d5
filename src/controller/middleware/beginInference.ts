import type { RequestHandler } from 'express';
import { unknownModel } from '../../observability/metrics/labels.js';
import type { OpenAccount } from '../limits/accounts.js';
import { contextOf, createInference } from '../requestContext.js';

/** From here on a request to run a model is one of inference, whatever becomes of it. */
export function createBeginInference(openAccount: OpenAccount): RequestHandler {
  return function beginInference(req, res, next) {
    const context = contextOf(res);
    const { principal, key, inferenceKind } = context;
    if (inferenceKind && req.method === 'POST') {
      const holder = { keyId: principal.keyId, key, isBatchLine: false };
      const account = inferenceKind === 'counted' ? openAccount(holder) : undefined;
      context.inference = createInference(unknownModel, account);
    }
    next();
  };
}
