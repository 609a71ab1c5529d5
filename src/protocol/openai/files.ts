import { z } from 'zod';
import { listOrder, pageSize } from './lists.js';

/** When a file deletes itself; between an hour and 30 days after it was made. */
export const ExpiresAfter = z.looseObject({
  anchor: z.literal('created_at'),
  seconds: z.int().min(3600).max(2_592_000),
});
export type ExpiresAfter = z.infer<typeof ExpiresAfter>;

/** How long the input and the output of batches is kept where nothing else is said: 30 days. */
export const batchFileLifetimeSeconds = 2_592_000;

/** The fields of the form of `POST /v1/files`, without the file itself. */
export const FileUpload = z.looseObject({
  purpose: z.enum(['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals']),
  expires_after: ExpiresAfter.optional(),
});
export type FileUpload = z.infer<typeof FileUpload>;

/** `GET /v1/files?…` */
export const FileListQuery = z.looseObject({
  purpose: z.string().min(1).optional(),
  limit: pageSize({ max: 10_000, standard: 10_000 }),
  order: listOrder,
  after: z.string().min(1).optional(),
});

export const FileObject = z.object({
  id: z.string(),
  object: z.literal('file'),
  bytes: z.int(),
  /** Unix seconds, like all times here. */
  created_at: z.int(),
  expires_at: z.int().nullable(),
  filename: z.string(),
  /** That of the upload, or `batch_output`. */
  purpose: z.string(),
  status: z.literal('processed'),
});
export type FileObject = z.infer<typeof FileObject>;

/** `DELETE /v1/files/{id}` */
export interface FileDeleted {
  readonly id: string;
  readonly object: 'file';
  readonly deleted: true;
}
