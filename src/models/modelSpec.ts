import { basename, sep } from 'node:path';
import { RelativePath, type Catalog, type CatalogEntry } from './catalog.js';
import { ModelError } from './modelError.js';

/** A model as a person names it, understood: a catalog entry, a file of theirs, or a file on Hugging Face. */
export type ModelSpec =
  | { kind: 'catalog'; entry: CatalogEntry }
  | { kind: 'path'; path: string }
  | { kind: 'hub'; repo: string; file: string };

const hubPrefix = 'hf:';
const forms = 'the path of a GGUF file, or hf:owner/repo/file.gguf';

/**
 * Understands what a person wrote: `hf:owner/repo/file.gguf` (the file may be in sub-folders) is a file on Hugging
 * Face, a text with a path separator or with the ending `.gguf` is a path, and anything else is a name of the catalog.
 * Touches no file. Throws a `ModelError`: `invalid_spec`, or `unknown_model` naming all that is accepted.
 */
export function parseModelSpec(text: string, catalog: Catalog): ModelSpec {
  if (text.startsWith(hubPrefix)) return parseHubSpec(text);
  if (text.includes('/') || text.includes(sep) || /\.gguf$/i.test(text)) return { kind: 'path', path: text };
  const entry = catalog.models.find((model) => model.name === text);
  if (entry) return { kind: 'catalog', entry };
  const names = catalog.models.map((model) => model.name).join(', ');
  throw new ModelError(
    'unknown_model',
    `there is no model "${text}"; known names: ${names}; or give ${forms}`,
  );
}

/** The id that clients use for the model: the catalog's name, or the file's base name without `.gguf`. */
export function toModelId(spec: ModelSpec): string {
  switch (spec.kind) {
    case 'catalog':
      return spec.entry.name;
    case 'path':
      return basename(spec.path).replace(/\.gguf$/i, '');
    case 'hub':
      return basename(spec.file).replace(/\.gguf$/i, '');
  }
}

function parseHubSpec(text: string): ModelSpec {
  const path = text.slice(hubPrefix.length);
  const [owner, name, ...rest] = path.split('/');
  const file = rest.join('/');
  if (!RelativePath.safeParse(path).success || !/[^/]\.gguf$/i.test(file)) {
    throw new ModelError('invalid_spec', `"${text}" does not have the form hf:owner/repo/file.gguf`);
  }
  if (/-\d{5}-of-\d{5}\.gguf$/i.test(file)) {
    throw new ModelError(
      'invalid_spec',
      `"${text}" is one part of a split model: download all parts and give the path of the first`,
    );
  }
  return { kind: 'hub', repo: `${owner}/${name}`, file };
}
