import { ConfigError, type Settings } from '../config/config.js';
import { loadCatalog } from '../models/catalog.js';
import { parseModelSpec, toModelId } from '../models/modelSpec.js';
import { resolveModel, type ResolvedModel } from '../models/resolveModel.js';
import { createProgressDisplay } from './progressDisplay.js';

/**
 * The ids under which the models of the settings are served; touches no file.
 *
 * @throws ModelError for a name that is not understood, ConfigError where two models have the same id.
 */
export async function readModelIds(settings: Pick<Settings, 'models'>): Promise<string[]> {
  const catalog = await loadCatalog();
  const ids = settings.models.map((text) => toModelId(parseModelSpec(text, catalog)));
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) {
    throw new ConfigError([
      `--model: two of the models would be served as "${twice}"; give files with other names`,
    ]);
  }
  return ids;
}

/** Finds or fetches the models of the settings, with progress for a person. Ctrl-C keeps what was downloaded. */
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
    } finally {
      display.end();
    }
  }
  return resolved;
}
