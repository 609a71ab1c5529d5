import type { OutputDelta } from '../../src/protocol/generation.js';
import type { OutputFormat, OutputParserOptions } from '../../src/worker/outputParser/outputFormat.js';

/** What a client puts together of the deltas. */
export interface ParsedOutput {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

/** @throws where the deltas of calls do not follow each other as the protocol says. */
export function collectDeltas(deltas: readonly OutputDelta[]): ParsedOutput {
  let text = '';
  let reasoning = '';
  const calls: { name: string; arguments: string }[] = [];
  for (const delta of deltas) {
    if (delta.type === 'text') text += delta.delta;
    else if (delta.type === 'reasoning') reasoning += delta.delta;
    else if (delta.name !== undefined) {
      if (delta.index !== calls.length)
        throw new Error(`Call ${delta.index} begins as the ${calls.length}th`);
      calls.push({ name: delta.name, arguments: delta.delta });
    } else {
      const call = calls[delta.index];
      if (!call || delta.index !== calls.length - 1) throw new Error(`Call ${delta.index} is not running`);
      call.arguments += delta.delta;
    }
  }
  return { text, reasoning, calls };
}

/** Parses a whole output that arrives in these pieces. */
export function parseOutput(
  format: OutputFormat,
  pieces: readonly string[],
  options: Partial<OutputParserOptions> = {},
): ParsedOutput {
  const parser = format.createParser({ parseToolCalls: true, opensInReasoning: false, ...options });
  return collectDeltas([...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]);
}
