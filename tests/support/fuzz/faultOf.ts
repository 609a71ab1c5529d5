import { z } from 'zod';
import { MessageError } from '../../../src/protocol/anthropic/messageError.js';
import type { FuzzedRequest } from './fuzzedRequest.js';
import type { Answer } from './sendFuzzed.js';

const OpenAiError = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string().min(1),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

/** How the streams of each API may end. */
const lastFrame =
  /^data: (\[DONE\]|\{"error":\{)|^event: (response\.(completed|incomplete|failed)|message_stop|error)\n/;

const isDownload = (path: string) => /^(\/v1)?\/files\/[^/]+\/content(\?|$)/.test(path);

/** What is wrong with an answer, in a word; undefined where nothing is. */
export function faultOf({ method, path }: FuzzedRequest, answer: Answer): string | undefined {
  const { status, contentType, text } = answer;
  if (status >= 500 && ![503, 504].includes(status)) return 'a failure of ours';
  if (status === 200 && isDownload(path)) return undefined;
  if (contentType.includes('html') || /<html|<!doctype/i.test(text)) return 'HTML';
  if (contentType.startsWith('text/event-stream')) {
    const last = text.trimEnd().split('\n\n').at(-1) ?? '';
    return lastFrame.test(last) ? undefined : 'a stream without an end';
  }
  if (status < 400) return undefined;
  if (!contentType.startsWith('application/json')) return 'an error that is no JSON';
  if (method === 'HEAD') return undefined;
  const body: unknown = JSON.parse(text);
  // What never reached a route is answered in OpenAI's words everywhere.
  const isMessages = /\/messages/i.test(path) && MessageError.strict().safeParse(body).success;
  return isMessages || OpenAiError.safeParse(body).success ? undefined : 'an error of another form';
}
