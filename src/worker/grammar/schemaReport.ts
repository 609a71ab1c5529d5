/** The schema cannot be compiled: which keyword, where (a JSON pointer that begins with `#`), and why. */
export class SchemaRefusedError extends Error {
  override readonly name = 'SchemaRefusedError';
  readonly keyword: string;
  readonly path: string;

  constructor(keyword: string, path: string, why: string) {
    super(`${path}: ${keyword}: ${why}`);
    this.keyword = keyword;
    this.path = path;
  }
}

/** What becomes of keywords that the grammar cannot enforce. */
export interface SchemaReport {
  /** Notes the keyword as not enforced; throws {@link SchemaRefusedError} under strict. */
  cannotEnforce(keyword: string, path: string, why: string): void;
  /** All that was noted, as `path: keyword`, each once. */
  loosened(): readonly string[];
}

export function createSchemaReport(strict: boolean): SchemaReport {
  const noted = new Set<string>();
  return {
    cannotEnforce(keyword, path, why) {
      if (strict) throw new SchemaRefusedError(keyword, path, why);
      noted.add(`${path}: ${keyword}`);
    },
    loosened: () => [...noted],
  };
}
