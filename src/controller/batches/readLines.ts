import { TextDecoder } from 'node:util';

export interface NumberedLine {
  /** From 1. */
  readonly number: number;
  /** Without the line break; undefined where the line is too long or not UTF-8. */
  readonly text: string | undefined;
}

const lineFeed = 0x0a;

/**
 * The lines of a JSONL file as they come, without the blank ones. Only a line feed ends a line: U+2028, at which Node's
 * own readline breaks, may stand in JSON texts.
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<NumberedLine, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let parts: Buffer[] = [];
  let bytes = 0;
  let number = 0;

  const add = (part: Buffer) => {
    bytes += part.length;
    if (bytes <= maxLineBytes) parts.push(part);
    else parts = [];
  };
  const take = (): NumberedLine | undefined => {
    number++;
    const text = bytes > maxLineBytes ? undefined : decode(decoder, Buffer.concat(parts));
    parts = [];
    bytes = 0;
    return text?.trim() === '' ? undefined : { number, text };
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      const line = take();
      if (line) yield line;
    }
    add(chunk.subarray(start));
  }
  const last = take();
  if (last) yield last;
}

function decode(decoder: TextDecoder, bytes: Buffer): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
