import { createHash } from 'node:crypto';
import { ApiError } from '../../protocol/apiError.js';
import { BatchLine, type BatchError } from '../../protocol/openai/batches.js';
import { parseBody } from '../../protocol/parseBody.js';
import { findExcess, maxBodyBytes } from '../middleware/parseJsonBody.js';
import type { NumberedLine } from './readLines.js';

export const maxLines = 50_000;
/** A file that is wrong from end to end is told so without an endless list. */
const maxErrors = 100;

export interface CheckedLines {
  readonly total: number;
  readonly errors: readonly BatchError[];
}

/** Looks at each line before any is run; what is in the bodies shows when they are run. */
export async function checkLines(
  lines: AsyncIterable<NumberedLine>,
  { endpoint, requireModel }: { endpoint: string; requireModel: (model: string) => void },
): Promise<CheckedLines> {
  const errors: BatchError[] = [];
  const customIds = new Set<string>();
  let total = 0;

  const check = (text: string | undefined) => {
    const line = parseLine(text);
    if (line.url !== endpoint) {
      const message = `The url of this line, '${line.url}', is not the endpoint of the batch, '${endpoint}'.`;
      throw new LineError('url_mismatch', message, 'url');
    }
    // Ids can be long, and there can be many.
    const digest = createHash('sha256').update(line.custom_id).digest('base64');
    if (customIds.has(digest)) {
      throw new LineError('duplicate_custom_id', 'Another line has the same custom_id.', 'custom_id');
    }
    customIds.add(digest);
    requireModel(line.body.model);
  };

  for await (const { number, text } of lines) {
    if (errors.length >= maxErrors) break;
    total++;
    if (total > maxLines) {
      const message = `The file has more than ${maxLines} lines.`;
      errors.push({ code: 'too_many_tasks', message, param: null, line: null });
      break;
    }
    try {
      check(text);
    } catch (error) {
      errors.push(toBatchError(error, number));
    }
  }
  if (total === 0) {
    errors.push({ code: 'empty_file', message: 'The file has no lines.', param: null, line: null });
  }
  return { total, errors };
}

/** What is wrong with a line as a part of a file; its code is none of the API's errors. */
class LineError extends Error {
  readonly code: string;
  readonly param: string | null;

  constructor(code: string, message: string, param: string | null = null) {
    super(message);
    this.code = code;
    this.param = param;
  }
}

function parseLine(text: string | undefined): BatchLine {
  if (text === undefined) {
    throw new LineError('invalid_json_line', `The line is not UTF-8, or longer than ${maxBodyBytes} bytes.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LineError('invalid_json_line', 'The line is not valid JSON.');
  }
  const excess = findExcess(value);
  if (excess !== undefined) throw new LineError('invalid_json_line', `The line ${excess}.`);
  return parseBody(BatchLine, value);
}

function toBatchError(error: unknown, line: number): BatchError {
  if (error instanceof LineError) {
    return { code: error.code, message: error.message, param: error.param, line };
  }
  if (!(error instanceof ApiError)) throw error;
  const { code, message, param } = error.toBody().error;
  return { code, message, param, line };
}
