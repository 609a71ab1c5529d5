/** Thrown by a reader that was given more than it takes. */
export class TooLongError extends Error {
  constructor(what: string, maxLength: number) {
    super(`${what} is longer than ${maxLength} bytes`);
    this.name = 'TooLongError';
  }
}

/**
 * The lines of a body, of whatever pieces it comes in; what stands behind the last line break is no line.
 *
 * @throws TooLongError where a line is longer than `maxBytes`: no more than that is ever held.
 */
export async function* readLines(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<string, void, undefined> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const last = chunk.subarray(start, end);
      start = end + 1;
      if (length + last.length > maxBytes) throw new TooLongError('a line', maxBytes);
      yield parts.length === 0 ? last.toString() : Buffer.concat([...parts, last]).toString();
      parts = [];
      length = 0;
    }
    const rest = chunk.subarray(start);
    length += rest.length;
    if (length > maxBytes) throw new TooLongError('a line', maxBytes);
    if (rest.length > 0) parts.push(rest);
  }
}

/** The whole text of a body. @throws TooLongError */
export async function readText(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw new TooLongError('the answer', maxBytes);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString();
}
