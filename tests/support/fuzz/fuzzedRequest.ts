/** One HTTP request, whole: what is odd about it may be anywhere. */
export interface FuzzedRequest {
  readonly method: string;
  /** May name what there is by then: `$file$` and the like, see {@link kinds}. */
  readonly path: string;
  readonly headers: Record<string, string>;
  /** May name the same; as latin1 text it is the bytes that are sent. */
  readonly body: Buffer | undefined;
  /** Its body fits the schema of its route, and nothing else is odd about it. */
  readonly isValid: boolean;
}

/** What requests make and other requests name, by the beginning of its ids; `$input$` is a file for a batch. */
export const kinds = { $file$: 'file-', $batch$: 'batch_', $response$: 'resp_', $input$: undefined } as const;
export type Kind = keyof typeof kinds;

export const json = { 'content-type': 'application/json' };

export const toRequest = (path: string, body: unknown, rest: Partial<FuzzedRequest> = {}): FuzzedRequest => ({
  method: 'POST',
  path,
  headers: json,
  body: Buffer.from(JSON.stringify(body) ?? ''),
  isValid: false,
  ...rest,
});
