import { z } from 'zod';
import { ExpiresAfter } from './files.js';
import { listCursor, pageOf, pageSize } from './lists.js';
import { Metadata } from './pairs.js';

/** `POST /v1/batches` */
export const BatchRequest = z.looseObject({
  input_file_id: z.string().min(1).describe('A file that was uploaded with the purpose `batch`.'),
  endpoint: z
    .string()
    .describe(
      'Where each line is sent: `/v1/chat/completions`, `/v1/completions`, `/v1/responses` or `/v1/embeddings`.',
    ),
  completion_window: z
    .literal('24h')
    .describe('How long the batch may take; what has not run then is not run.'),
  metadata: Metadata.nullish().describe('Kept with the batch.'),
  output_expires_after: ExpiresAfter.nullish().describe(
    'When the output and the error file delete themselves; after 30 days by default.',
  ),
});
export type BatchRequest = z.infer<typeof BatchRequest>;

/** `GET /v1/batches?…` */
export const BatchListQuery = z.looseObject({
  limit: pageSize({ max: 100, standard: 20 }),
  after: listCursor,
});

/** One line of an input file. The body is checked when it is run, as that of any other request. */
export const BatchLine = z.looseObject({
  custom_id: z.string().min(1),
  method: z.literal('POST'),
  url: z.string(),
  body: z.looseObject({ model: z.string().min(1), stream: z.literal(false).nullish() }),
});
export type BatchLine = z.infer<typeof BatchLine>;

/** Why an input file is refused. */
export const BatchError = z.object({
  code: z.string().nullable(),
  message: z.string(),
  param: z.string().nullable(),
  line: z.int().nullable().describe('From 1; null where the file as a whole is at fault.'),
});
export type BatchError = z.infer<typeof BatchError>;

export const BatchStatus = z.enum([
  'validating',
  'failed',
  'in_progress',
  'finalizing',
  'completed',
  'expired',
  'cancelling',
  'cancelled',
]);
export type BatchStatus = z.infer<typeof BatchStatus>;

const time = z.int().nullable().describe('Unix seconds.');

export const Batch = z.object({
  id: z.string(),
  object: z.literal('batch'),
  endpoint: z.string(),
  errors: z
    .object({ object: z.literal('list'), data: z.array(BatchError) })
    .nullable()
    .describe('Why the input file was refused; up to 100 lines of it.'),
  input_file_id: z.string(),
  completion_window: z.literal('24h'),
  status: BatchStatus,
  output_file_id: z.string().nullable().describe('Answers with the status 200, one a line.'),
  error_file_id: z.string().nullable().describe('All other answers.'),
  created_at: z.int().describe('Unix seconds.'),
  in_progress_at: time,
  expires_at: z.int().describe('Unix seconds.'),
  finalizing_at: time,
  completed_at: time,
  failed_at: time,
  expired_at: time,
  cancelling_at: time,
  cancelled_at: time,
  request_counts: z.object({ total: z.int(), completed: z.int(), failed: z.int() }),
  metadata: z.record(z.string(), z.string()).nullable(),
});
export type Batch = z.infer<typeof Batch>;

export const BatchList = pageOf(Batch);

/** One line of an output or error file. */
export const BatchResult = z.object({
  id: z.string(),
  custom_id: z.string(),
  response: z
    .object({ status_code: z.int(), request_id: z.string(), body: z.record(z.string(), z.unknown()) })
    .nullable(),
  /** Why the line was never run. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type BatchResult = z.infer<typeof BatchResult>;
