import type { Request } from 'express';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { ApiError } from '../protocol/apiError.js';

export interface UploadOptions<T> {
  readonly maxFileBytes: number;
  /** Takes the bytes of the file; fails where the content does. */
  readonly store: (content: Readable) => Promise<T>;
  /** Called with what was stored when the upload fails after all. */
  readonly discard: (stored: T) => Promise<void>;
}

export interface Upload<T> {
  readonly fields: ReadonlyMap<string, string>;
  /** The part `file`; undefined where there is none. */
  readonly file: { readonly name: string; readonly stored: T } | undefined;
}

/** Of a form's fields: their number, and the bytes of each. */
const maxFields = 32;
const maxFieldBytes = 4096;

/**
 * Reads a form with one file, which goes through as it comes. What fails on the way leaves nothing behind.
 *
 * @throws ApiError: 415 for another content type, 400 for a broken form, 413 for a file that is too large.
 */
export async function readUpload<T>(req: Request, options: UploadOptions<T>): Promise<Upload<T>> {
  const { maxFileBytes, store, discard } = options;
  const fields = new Map<string, string>();
  const parser = createParser(req, maxFileBytes);
  let file: { name: string; content: Readable; stored: Promise<T> } | undefined;

  const parsed = new Promise<void>((resolve, reject) => {
    parser.on('field', (name, value) => void fields.set(name, value));
    parser.on('file', (field, content, name) => {
      if (field !== 'file') {
        content.on('error', reject).resume();
        return;
      }
      content.once('limit', () => reject(tooLarge(maxFileBytes)));
      file = { name: unescapeQuotes(name), content, stored: store(content) };
      file.stored.catch(reject);
    });
    parser.once('filesLimit', () => reject(broken("Send one file, as the part 'file' of the form.")));
    parser.once('fieldsLimit', () => reject(broken(`The form has more than ${maxFields} fields.`)));
    parser.once('finish', resolve);
    parser.on('error', (cause) => reject(broken(brokenForm, cause)));
    // Comes also after a whole request, whose last bytes may still be on their way to the disk.
    req.once('close', () => req.complete || reject(new ApiError('request_aborted')));
    req.on('error', () => reject(new ApiError('request_aborted')));
  });

  req.pipe(parser);
  try {
    await parsed;
    return { fields, file: file && { name: file.name, stored: await file.stored } };
  } catch (error) {
    req.unpipe(parser);
    // The client sees the answer when it has sent the rest.
    req.resume();
    file?.content.destroy(error as Error);
    await file?.stored.then(discard, () => undefined);
    throw error;
  }
}

/** As HTML's standard has clients write them in the name of a file. */
function unescapeQuotes(name: string): string {
  return name.replaceAll('%22', '"');
}

const brokenForm = 'The multipart form of the request is broken.';

function broken(message: string, cause?: unknown): ApiError {
  return new ApiError('invalid_body', { message, cause });
}

function createParser(req: Request, maxFileBytes: number): BusboyInstance {
  const contentType = req.get('content-type') ?? '';
  if (!/^multipart\/form-data(;|$)/i.test(contentType)) {
    const message = "Send the file as a form: 'Content-Type: multipart/form-data'.";
    throw new ApiError('unsupported_content_type', { message });
  }
  try {
    return new Busboy({
      headers: { ...req.headers, 'content-type': contentType },
      limits: { fileSize: maxFileBytes, files: 1, fields: maxFields, fieldSize: maxFieldBytes },
    });
  } catch (cause) {
    throw broken(brokenForm, cause);
  }
}

function tooLarge(maxFileBytes: number): ApiError {
  const message = `The file is too large: at most ${maxFileBytes} bytes are accepted.`;
  return new ApiError('body_too_large', { message });
}
