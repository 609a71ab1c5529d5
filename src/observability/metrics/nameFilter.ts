/** Names of families, with `*` for any characters. */
export interface NamePatterns {
  /** Only these; undefined: all. */
  readonly include?: readonly string[] | undefined;
  /** But none of these. */
  readonly exclude?: readonly string[] | undefined;
}

export function createNameFilter({ include, exclude = [] }: NamePatterns = {}): (name: string) => boolean {
  const wanted = include?.map(toPattern);
  const unwanted = exclude.map(toPattern);
  const matches = (patterns: readonly RegExp[], name: string) =>
    patterns.some((pattern) => pattern.test(name));
  return (name) => (wanted === undefined || matches(wanted, name)) && !matches(unwanted, name);
}

function toPattern(text: string): RegExp {
  return new RegExp(`^${text.split('*').map(escape).join('.*')}$`);
}

function escape(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_]/g, '\\$&');
}
