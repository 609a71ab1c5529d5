import type { Examples, OperationObject } from '../openApiDocument.js';

/** A command to paste into a shell. */
export interface Command {
  readonly title: string;
  readonly text: string;
}

export interface Target {
  /** Scheme, host and port. */
  readonly baseUrl: string;
  readonly method: string;
  readonly path: string;
  readonly operation: OperationObject;
}

/** One command for each example of an operation; one that needs nothing is its own example. */
export function toCurlCommands(target: Target): Command[] {
  const { parameters = [], requestBody } = target.operation;
  const titles = new Set([...parameters, ...Object.values(requestBody?.content ?? {})].flatMap(titlesOf));
  const needsNothing = !requestBody && parameters.every(({ required }) => !required);
  if (titles.size === 0 && needsNothing)
    return [{ title: target.operation.summary, text: toCurl(target, '') }];
  return [...titles].map((title) => ({ title, text: toCurl(target, title) }));
}

function titlesOf({ examples = {} }: { examples?: Examples }): string[] {
  return Object.keys(examples);
}

function toCurl({ baseUrl, method, path, operation }: Target, title: string): string {
  const hasBody = operation.requestBody !== undefined;
  const isMethodImplied = method === 'get' || (method === 'post' && hasBody);
  const body = bodyOf(operation, title);
  const isStream = (body as { stream?: unknown } | undefined)?.stream === true;
  return [
    ['curl', ...(isStream ? ['-N'] : []), ...(isMethodImplied ? [] : ['-X', method.toUpperCase()])].join(' '),
    quote(`${baseUrl}${fillPath(path, operation, title)}`),
    ...toCredential(operation),
    ...toBodyArguments(operation, body),
  ].join(' ');
}

function fillPath(path: string, { parameters = [] }: OperationObject, title: string): string {
  const query = new URLSearchParams();
  let filled = path;
  for (const { name, in: place, examples } of parameters) {
    const value = examples?.[title]?.value;
    if (value === undefined) continue;
    if (place === 'query') query.set(name, value as string);
    else filled = filled.replace(`{${name}}`, encodeURIComponent(value as string));
  }
  return query.size === 0 ? filled : `${filled}?${query.toString()}`;
}

/** Read by the shell from where the reader keeps it. */
const variables: Readonly<Record<string, string>> = {
  apiKey: '$OPENAI_API_KEY',
  adminToken: '$AI_CLUSTER_ADMIN_TOKEN',
};

function toCredential({ security: [first = {}] = [] }: OperationObject): string[] {
  return Object.keys(first).map((scheme) => `\\\n  -H "Authorization: Bearer ${variables[scheme]}"`);
}

function bodyOf({ requestBody }: OperationObject, title: string): unknown {
  const [content] = Object.values(requestBody?.content ?? {});
  return content?.examples?.[title]?.value;
}

function toBodyArguments({ requestBody }: OperationObject, body: unknown): string[] {
  if (!requestBody || body === undefined) return [];
  if ('multipart/form-data' in requestBody.content) {
    const fields = Object.entries(body as Record<string, string | number>);
    return fields.map(([name, value]) => `\\\n  -F ${quote(`${name}=${value}`)}`);
  }
  return [
    `\\\n  -H ${quote('content-type: application/json')}`,
    `\\\n  -d ${quote(JSON.stringify(body, null, 2))}`,
  ];
}

/** A word of a POSIX shell. */
function quote(word: string): string {
  return /^[\w:/.@=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
