import { ConfigError, type Settings } from '../config/config.js';
import { loadCatalog, type Catalog } from '../models/catalog.js';
import { ModelError } from '../models/modelError.js';
import { parseModelSpec, toModelId } from '../models/modelSpec.js';
import { resolveModel, type ResolvedModel } from '../models/resolveModel.js';
import { createProgressDisplay } from './progressDisplay.js';

/**
 * The ids under which the models of the settings are served; touches no file.
 *
 * @throws ConfigError naming each that is not understood, and where two models have the same id.
 */
export async function readModelIds(settings: Pick<Settings, 'models'>): Promise<string[]> {
  const catalog = await loadCatalog();
  requireModelNames(settings.models, catalog);
  const ids = settings.models.map((text) => toModelId(parseModelSpec(text, catalog)));
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) {
    throw new ConfigError([
      `--model: two of the models would be served as "${twice}"; give files with other names`,
    ]);
  }
  return ids;
}

/** @throws ConfigError naming each that is not understood. */
export function requireModelNames(names: readonly string[], catalog: Catalog): void {
  const problems = names.flatMap((name) => {
    try {
      parseModelSpec(name, catalog);
      return [];
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      return [error.message];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
}

/** Finds or fetches the models of the settings, with progress for a person. */
export async function resolveModels(
  settings: Pick<Settings, 'models' | 'modelsDir' | 'hubUrl'>,
  options: { showProgress: boolean; signal?: AbortSignal },
): Promise<ResolvedModel[]> {
  await readModelIds(settings);
  const catalog = await loadCatalog();
  const resolved: ResolvedModel[] = [];
  for (const text of settings.models) {
    const display = createProgressDisplay(text, options.showProgress);
    try {
      resolved.push(
        await resolveModel(text, {
          modelsDir: settings.modelsDir,
          hubUrl: settings.hubUrl,
          catalog,
          onProgress: display.show,
          ...(options.signal ? { signal: options.signal } : {}),
        }),
      );
    } catch (error) {
      const isBadFolder = error instanceof ModelError && error.code === 'folder_not_writable';
      throw isBadFolder ? new ConfigError([`--models-dir: ${error.message}`]) : error;
    } finally {
      display.end();
    }
  }
  return resolved;
}
