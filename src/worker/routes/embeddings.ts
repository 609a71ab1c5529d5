import express, { Router, type Response } from 'express';
import { EmbedRequest, RankRequest } from '../../protocol/embedding.js';
import type { OperationStatus } from '../../observability/metrics/wrapOperation.js';
import { parseBody } from '../../protocol/parseBody.js';
import { internalPaths } from '../../protocol/workerApi.js';
import type { PoolingService } from '../pooling/poolingService.js';
import { maxBodyBytes, requireAccepting, requireModel, wrongKind, type RouteDeps } from './routeDeps.js';

/** Vectors of texts, and scores of documents; a client that leaves ends the work before its next input. */
export function createEmbeddingRoutes(deps: RouteDeps): Router {
  const router = Router();
  const json = express.json({ limit: maxBodyBytes });

  function poolingOf(id: string, wanted: 'embedding' | 'ranking'): PoolingService {
    const model = requireModel(deps, id);
    if (model.kind !== 'generation' && model.kind === wanted) return model.pooling;
    throw wrongKind(id, model.kind, wanted);
  }

  const embed = deps.countCalls('embed', (req, res) => {
    requireAccepting(deps);
    const request = parseBody(EmbedRequest, req.body);
    const pooling = poolingOf(request.model, 'embedding');
    return answer(res, (signal) => pooling.embed(request, signal));
  });
  const rank = deps.countCalls('rank', (req, res) => {
    requireAccepting(deps);
    const request = parseBody(RankRequest, req.body);
    const pooling = poolingOf(request.model, 'ranking');
    return answer(res, (signal) => pooling.rank(request, signal));
  });
  router.post(internalPaths.embed, json, embed);
  router.post(internalPaths.rank, json, rank);
  return router;
}

/** Sent while the answer is not there yet, as often as a generation would send an event. */
const lifeSignIntervalMs = 1_000;

/**
 * However long the work takes, its sender sees that it goes on: by informational answers (102), after which any status
 * can still come.
 */
async function answer(
  res: Response,
  work: (signal: AbortSignal) => Promise<object>,
): Promise<OperationStatus> {
  const abort = new AbortController();
  res.once('close', () => abort.abort());
  const lifeSigns = setInterval(() => res.writeProcessing(), lifeSignIntervalMs);
  try {
    res.json(await work(abort.signal).finally(() => clearInterval(lifeSigns)));
    return 'success';
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    return 'cancelled';
  }
}
