import { once } from 'node:events';
import { request, type Agent, type IncomingMessage } from 'node:http';
import { kinds, type FuzzedRequest, type Kind } from './fuzzedRequest.js';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Generous: the machine may be busy. What never answers is what fuzzing finds. */
const patienceMs = 30_000;

/** The ids of what requests have made, for those that name it. */
export interface KnownIds {
  /** The request with the latest ids where it names a kind of them. */
  fillIn(asked: FuzzedRequest): FuzzedRequest;
  /** Learns the id of an answer. */
  learn(answer: Answer): void;
}

export function createKnownIds(input: string): KnownIds {
  const ids = new Map<Kind, string>([['$input$', input]]);
  const fill = (text: string) =>
    text.replaceAll(/\$(file|batch|response|input)\$/g, (kind) => ids.get(kind as Kind) ?? 'none');
  return {
    fillIn: ({ path, body, ...rest }) => ({
      ...rest,
      path: fill(path),
      body: body && Buffer.from(fill(body.toString('latin1')), 'latin1'),
    }),
    learn({ text }) {
      const id = /"id":"((?:file-|batch_|resp_)\w+)"/.exec(text)?.[1];
      if (id === undefined || id === input) return;
      for (const [kind, prefix] of Object.entries(kinds))
        if (prefix !== undefined && id.startsWith(prefix)) ids.set(kind as Kind, id);
    },
  };
}

export async function sendFuzzed(
  url: string,
  agent: Agent,
  { method, path, headers, body }: FuzzedRequest,
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const length = body ? { 'content-length': String(body.length) } : {};
  const sent = request({ agent, hostname, port, method, path, headers: { ...headers, ...length } });
  sent.setTimeout(patienceMs, () => sent.destroy(new Error('no answer')));
  // Behind its answer nothing can come but the body of one to HEAD: of a head that never ended, a server cannot know
  // the method.
  sent.on('error', () => undefined);
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', text };
}
