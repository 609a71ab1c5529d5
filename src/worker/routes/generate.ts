import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { Router } from 'express';
import type { OperationStatus } from '../../observability/metrics/wrapOperation.js';
import { GenerateRequest } from '../../protocol/generateRequest.js';
import { statusOfFailure, type GenerationEvent } from '../../protocol/generation.js';
import { ndjsonContentType } from '../../protocol/headers.js';
import { parseBody } from '../../protocol/parseBody.js';
import { internalPaths } from '../../protocol/workerApi.js';
import { refuseHopelessPrompt } from '../generation/longPrompt.js';
import { maxBodyBytes, requireAccepting, requireModel, wrongKind, type RouteDeps } from './routeDeps.js';

/** Starts a generation and answers with its events; a client that leaves frees the slot. */
export function createGenerateRoute(deps: RouteDeps): Router {
  const router = Router();
  const generate = deps.countCalls('generate', async (req, res) => {
    requireAccepting(deps);
    const request = parseBody(GenerateRequest, req.body);
    const model = requireModel(deps, request.model);
    if (model.kind !== 'generation') throw wrongKind(request.model, model.kind, 'generation');

    const abort = new AbortController();
    res.once('close', () => abort.abort());
    await refuseHopelessPrompt(request, model.tokenizer, model.report().contextTokens);
    const submission = model.scheduler.submit(request, abort.signal);
    if (submission.kind === 'refused') {
      const { failure } = submission;
      res.status(statusOfFailure[failure.code]).json(failure);
      return 'refused';
    }

    res.status(200).set('content-type', ndjsonContentType);
    res.socket?.setNoDelay(true);
    let status: OperationStatus = 'success';
    const toLines = new Transform({
      writableObjectMode: true,
      transform: (event: GenerationEvent, _encoding, callback) => {
        if (event.type === 'error') status = 'error';
        callback(null, `${JSON.stringify(event)}\n`);
      },
    });
    try {
      await pipeline(submission.events, toLines, res);
    } catch (error) {
      if (!abort.signal.aborted) throw error;
      status = 'cancelled';
    } finally {
      abort.abort();
    }
    return status;
  });
  router.post(internalPaths.generate, express.json({ limit: maxBodyBytes }), generate);
  return router;
}
