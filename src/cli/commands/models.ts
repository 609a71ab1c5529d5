import type { Settings } from '../../config/config.js';
import { loadCatalog } from '../../models/catalog.js';
import { listModels } from '../../models/listModels.js';
import { removeModel } from '../../models/removeModel.js';
import { requireModelNames, resolveModels } from '../resolveModels.js';
import { formatTable } from '../table.js';
import { printLine } from '../terminal.js';

const toMegabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** `ai-cluster models list`. */
export async function listAllModels(settings: Settings): Promise<void> {
  const catalog = await loadCatalog();
  const present = await listModels(settings.modelsDir, catalog);
  const names = new Set(present.map(({ name }) => name));
  const rows = [
    ...present.map(({ name, sizeBytes, state }) => [name, toMegabytes(sizeBytes), state]),
    ...catalog.models
      .filter(({ name }) => !names.has(name))
      .map(({ name, sizeBytes }) => [name, toMegabytes(sizeBytes), 'not downloaded']),
  ];
  printLine(formatTable(['MODEL', 'SIZE', 'STATE'], rows));
}

/** `ai-cluster models pull <name...>`. */
export async function pullModels(settings: Settings, names: readonly string[]): Promise<void> {
  for (const model of await resolveModels({ ...settings, models: names }, { showProgress: true })) {
    printLine(`${model.id}: ${model.path} (${toMegabytes(model.sizeBytes)})`);
  }
}

/** `ai-cluster models rm <name...>`. */
export async function removeModels(settings: Settings, names: readonly string[]): Promise<void> {
  const catalog = await loadCatalog();
  requireModelNames(names, catalog);
  for (const name of names) {
    const { freedBytes } = await removeModel(name, { modelsDir: settings.modelsDir, catalog });
    printLine(`${name}: removed, ${toMegabytes(freedBytes)} freed`);
  }
}
