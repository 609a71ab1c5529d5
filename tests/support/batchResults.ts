import type OpenAI from 'openai';
import type { BatchResult } from '../../src/protocol/openai/batches.js';

/** The lines of an output or error file of a batch. */
export async function resultsOf(client: OpenAI, fileId: string | null | undefined): Promise<BatchResult[]> {
  const text = await (await client.files.content(fileId ?? '')).text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as BatchResult);
}
