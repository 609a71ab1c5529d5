/** Text that is HTML already. Nothing but {@link html} and constants of ours should make one. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Part = Html | string | number | undefined | readonly Part[];

/** A template of HTML: what is put in is escaped, unless it is HTML itself. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, next, index) => text + toText(parts[index - 1]) + next));
}

/** Puts `separator` between the parts. */
export function joinHtml(parts: readonly Part[], separator: string): Part {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]));
}

function toText(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(toText).join('');
  return escape(String(part));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For text and for attributes in quotes. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}
