import { pipeline } from 'node:stream/promises';
import type { Request, RequestHandler, Response } from 'express';
import { ApiError } from '../../protocol/apiError.js';
import {
  batchFileLifetimeSeconds,
  FileListQuery,
  FileUpload,
  type FileDeleted,
  type FileObject,
} from '../../protocol/openai/files.js';
import { toListPage } from '../../protocol/openai/lists.js';
import { parseBody } from '../../protocol/parseBody.js';
import type { FileStore } from '../../stores/fileStore.js';
import { cutWhereStalled } from '../cutStalledReaders.js';
import { ownerOf } from '../requestContext.js';
import { readUpload } from '../readUpload.js';
import type { Route } from './route.js';

export interface FilesRoutesDeps {
  readonly files: FileStore;
  /** The batch that still needs a file. */
  readonly userOf: (fileId: string) => string | undefined;
  readonly gate: RequestHandler;
  readonly maxFileBytes: number;
  /** A download whose client takes nothing for so long is cut. */
  readonly stallTimeoutMs: number;
}

/** As OpenAI takes them. */
export const defaultMaxFileBytes = 512 * 1024 * 1024;

/** `/v1/files`: upload, list, look up, download, delete. */
export function filesRoutes({ files, userOf, gate, maxFileBytes, stallTimeoutMs }: FilesRoutesDeps): Route[] {
  const upload: RequestHandler = async (req, res) => {
    const owner = ownerOf(res);
    const { fields, file } = await readUpload(req, {
      maxFileBytes,
      store: (content) => files.stage(content),
      discard: (staged) => files.discard(staged),
    });
    if (!file) throw noFile(fields);
    try {
      const { purpose, expires_after: expiresAfter } = parseBody(FileUpload, toBody(fields));
      const standard = purpose === 'batch' ? batchFileLifetimeSeconds : null;
      const lifetimeSeconds = expiresAfter?.seconds ?? standard;
      res.json(files.add(file.stored, { owner, filename: file.name || 'upload', purpose, lifetimeSeconds }));
    } catch (error) {
      await files.discard(file.stored);
      throw error;
    }
  };

  function find(req: Request, res: Response): FileObject {
    const id = String(req.params['id']);
    const file = files.find(ownerOf(res), id);
    if (!file) throw noSuchFile(id);
    return file;
  }

  return [
    {
      path: '/v1/files',
      aliases: ['/files'],
      methods: {
        POST: [gate, upload],
        GET: [
          (req, res) => {
            const { limit, ...query } = parseBody(FileListQuery, req.query);
            res.json(toListPage(files.list({ owner: ownerOf(res), ...query, limit: limit + 1 }), limit));
          },
        ],
      },
    },
    {
      path: '/v1/files/:id',
      aliases: ['/files/:id'],
      methods: {
        GET: [(req, res) => void res.json(find(req, res))],
        DELETE: [
          (req, res) => {
            const { id } = find(req, res);
            const batchId = userOf(id);
            if (batchId !== undefined) {
              const message = `The file ${id} is the input of ${batchId}, which still runs: wait for its end or cancel it.`;
              throw new ApiError('invalid_value', { message, param: 'id' });
            }
            files.delete(id);
            res.json({ id, object: 'file', deleted: true } satisfies FileDeleted);
          },
        ],
      },
    },
    {
      path: '/v1/files/:id/content',
      aliases: ['/files/:id/content'],
      methods: {
        GET: [
          async (req, res) => {
            const { id, bytes } = find(req, res);
            res.set({
              'content-type': 'application/octet-stream',
              'content-length': String(bytes),
              'content-disposition': 'attachment',
            });
            cutWhereStalled(res, stallTimeoutMs);
            await pipeline(files.read(id), res).catch((error: NodeJS.ErrnoException) => {
              const hasLeft = error.code === 'ERR_STREAM_PREMATURE_CLOSE';
              if (!hasLeft) throw error;
            });
          },
        ],
      },
    },
  ];
}

/** `expires_after[seconds]=3600` of a form is `{"expires_after": {"seconds": 3600}}`. */
function toBody(fields: ReadonlyMap<string, string>): Record<string, unknown> {
  const body: Record<string, unknown> = Object.fromEntries(fields);
  const anchor = fields.get('expires_after[anchor]');
  const seconds = fields.get('expires_after[seconds]');
  if (anchor === undefined && seconds === undefined) return body;
  const isNumber = seconds !== undefined && seconds.trim() !== '' && !Number.isNaN(Number(seconds));
  return {
    ...body,
    expires_after: {
      ...(anchor === undefined ? {} : { anchor }),
      ...(seconds === undefined ? {} : { seconds: isNumber ? Number(seconds) : seconds }),
    },
  };
}

/** A part without a file name is a text. */
function noFile(fields: ReadonlyMap<string, string>): ApiError {
  const param = 'file';
  if (!fields.has(param))
    return new ApiError('missing_required_parameter', {
      message: "Missing required parameter: 'file'.",
      param,
    });
  const message = "Invalid type for 'file': expected a file, but got a string instead.";
  return new ApiError('invalid_type', { message, param });
}

function noSuchFile(id: string): ApiError {
  return new ApiError('object_not_found', { message: `No such File object: ${id}`, param: 'id' });
}
