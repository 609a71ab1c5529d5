/** What can go wrong with a model; the message says it in words, with what to do about it. */
export type ModelErrorCode =
  | 'invalid_catalog'
  | 'invalid_spec'
  | 'unknown_model'
  | 'file_not_found'
  | 'not_a_gguf'
  | 'wrong_digest'
  | 'not_pinned'
  | 'no_source'
  | 'folder_not_writable'
  | 'busy';

/** An error whose message is meant for the person who named the model. */
export class ModelError extends Error {
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelError';
    this.code = code;
  }
}
