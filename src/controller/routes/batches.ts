import type { Request, RequestHandler, Response } from 'express';
import { ApiError } from '../../protocol/apiError.js';
import { BatchListQuery, BatchRequest, type Batch } from '../../protocol/openai/batches.js';
import { batchFileLifetimeSeconds } from '../../protocol/openai/files.js';
import { toListPage } from '../../protocol/openai/lists.js';
import { parseBody } from '../../protocol/parseBody.js';
import type { BatchStore } from '../../stores/batchStore.js';
import type { FileStore } from '../../stores/fileStore.js';
import type { BatchRunner } from '../batches/batchRunner.js';
import { parseJsonBody } from '../middleware/parseJsonBody.js';
import { contextOf, ownerOf } from '../requestContext.js';
import type { Route } from './route.js';

export interface BatchesRoutesDeps {
  readonly batches: BatchStore;
  readonly files: Pick<FileStore, 'find'>;
  readonly runner: Pick<BatchRunner, 'run' | 'cancel'>;
  /** The endpoints that batches can ask. */
  readonly endpoints: readonly string[];
  readonly gate: RequestHandler;
}

/** What `completion_window: "24h"` means. */
const windowSeconds = 24 * 60 * 60;

/** `/v1/batches`: create, list, look up, cancel. */
export function batchesRoutes({ batches, files, runner, endpoints, gate }: BatchesRoutesDeps): Route[] {
  const create: RequestHandler = (req, res) => {
    const body = parseBody(BatchRequest, req.body);
    const { endpoint, input_file_id: inputFileId } = body;
    if (!endpoints.includes(endpoint)) {
      const accepted = endpoints.map((path) => `'${path}'`).join(', ');
      const message = `Invalid value for 'endpoint': ${JSON.stringify(endpoint)}. Supported values are: ${accepted}.`;
      throw new ApiError('invalid_value', { message, param: 'endpoint' });
    }
    const { principal } = contextOf(res);
    requireInput(principal.keyId, inputFileId);
    const batch = batches.create({
      endpoint,
      inputFileId,
      metadata: body.metadata ?? null,
      windowSeconds,
      outputLifetimeSeconds: body.output_expires_after?.seconds ?? batchFileLifetimeSeconds,
      principal,
    });
    runner.run(batch.id);
    res.json(batch);
  };

  function requireInput(owner: string, id: string): void {
    const file = files.find(owner, id);
    const param = 'input_file_id';
    if (!file) throw new ApiError('invalid_value', { message: `No such File object: ${id}`, param });
    if (file.purpose === 'batch') return;
    const message = `The file ${id} has the purpose '${file.purpose}'; upload it with the purpose 'batch'.`;
    throw new ApiError('invalid_value', { message, param });
  }

  function find(req: Request, res: Response): Batch {
    const id = String(req.params['id']);
    const batch = batches.find(ownerOf(res), id);
    if (batch) return batch;
    throw new ApiError('object_not_found', { message: `No such Batch object: ${id}`, param: 'id' });
  }

  const cancel: RequestHandler = (req, res) => {
    const { id, status } = find(req, res);
    if (['finalizing', 'completed', 'failed', 'expired'].includes(status)) {
      const message = `Cannot cancel a batch with status '${status}'.`;
      throw new ApiError('invalid_value', { message, param: 'id' });
    }
    runner.cancel(id);
    res.json(find(req, res));
  };

  return [
    {
      path: '/v1/batches',
      aliases: ['/batches'],
      methods: {
        POST: [gate, ...parseJsonBody, create],
        GET: [
          (req, res) => {
            const { after, limit } = parseBody(BatchListQuery, req.query);
            res.json(toListPage(batches.list({ owner: ownerOf(res), after, limit: limit + 1 }), limit));
          },
        ],
      },
    },
    {
      path: '/v1/batches/:id',
      aliases: ['/batches/:id'],
      methods: { GET: [(req, res) => void res.json(find(req, res))] },
    },
    {
      path: '/v1/batches/:id/cancel',
      aliases: ['/batches/:id/cancel'],
      methods: { POST: [gate, cancel] },
    },
  ];
}
