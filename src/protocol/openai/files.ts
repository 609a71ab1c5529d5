import { z } from 'zod';
import { listCursor, listOrder, pageOf, pageSize } from './lists.js';

const anchor = z.literal('created_at').describe('From when on the seconds are counted.');
const minLifetimeSeconds = 3600;
const maxLifetimeSeconds = 2_592_000;

/** When a file deletes itself; between an hour and 30 days after it was made. */
export const ExpiresAfter = z.looseObject({
  anchor,
  seconds: z
    .int()
    .min(minLifetimeSeconds)
    .max(maxLifetimeSeconds)
    .describe('After so many seconds the file deletes itself.'),
});
export type ExpiresAfter = z.infer<typeof ExpiresAfter>;

/** How long the input and the output of batches is kept where nothing else is said: 30 days. */
export const batchFileLifetimeSeconds = 2_592_000;

const purpose = z
  .enum(['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'])
  .describe('What the file is for; only `batch` has an effect.');

/** The fields of the form of `POST /v1/files`, without the file itself. */
export const FileUpload = z.looseObject({ purpose, expires_after: ExpiresAfter.optional() });
export type FileUpload = z.infer<typeof FileUpload>;

/** The same as a client sends it: the fields of a form are texts, and what is nested has brackets in its name. */
export const FileForm = z.looseObject({
  file: z.string().meta({ format: 'binary' }).describe('The content, with a file name.'),
  purpose,
  'expires_after[anchor]': anchor.optional(),
  'expires_after[seconds]': z
    .string()
    .meta({ type: 'integer', minimum: minLifetimeSeconds, maximum: maxLifetimeSeconds })
    .optional()
    .describe(
      'After so many seconds the file deletes itself; without it after 30 days for `batch`, never for the others.',
    ),
});

/** `GET /v1/files?…` */
export const FileListQuery = z.looseObject({
  purpose: z.string().min(1).optional().describe('Only files with this purpose.'),
  limit: pageSize({ max: 10_000, standard: 10_000 }),
  order: listOrder,
  after: listCursor,
});

export const FileObject = z.object({
  id: z.string(),
  object: z.literal('file'),
  bytes: z.int(),
  created_at: z.int().describe('Unix seconds.'),
  expires_at: z.int().nullable().describe('Unix seconds at which the file deletes itself; null: never.'),
  filename: z.string(),
  purpose: z.string().describe('That of the upload, or `batch_output`.'),
  status: z.literal('processed'),
});
export type FileObject = z.infer<typeof FileObject>;

export const FileList = pageOf(FileObject);

/** `DELETE /v1/files/{id}` */
export const FileDeleted = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) });
export type FileDeleted = z.infer<typeof FileDeleted>;
