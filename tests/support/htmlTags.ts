const voidTags = new Set(['meta', 'br', 'hr', 'img', 'input', 'link']);
const tag = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*(\/?)>/y;

export interface Tag {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/**
 * The tags of a page, in their order.
 *
 * @throws where a `<` begins no tag, or a tag is not closed by its own end tag.
 */
export function readTags(page: string): Tag[] {
  const tags: Tag[] = [];
  const open: string[] = [];
  const start = page.startsWith('<!doctype html>') ? '<!doctype html>'.length : 0;
  for (let at = page.indexOf('<', start); at >= 0; at = page.indexOf('<', tag.lastIndex)) {
    tag.lastIndex = at;
    const match = tag.exec(page);
    if (!match) throw new Error(`No tag: ${page.slice(at, at + 60)}`);
    const [, slash, name = '', attributes = ''] = match;
    if (slash === '/') {
      const opened = open.pop();
      if (opened !== name) throw new Error(`</${name}> closes <${String(opened)}> at ${at}`);
      continue;
    }
    tags.push({ name, attributes: readAttributes(attributes) });
    if (!voidTags.has(name)) open.push(name);
  }
  if (open.length > 0) throw new Error(`Not closed: ${open.join(', ')}`);
  return tags;
}

function readAttributes(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/([a-z-]+)(?:="([^"]*)")?/g)].map(([, name = '', value = '']) => [name, value]),
  );
}
