import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { parseSettings, type Settings } from '../../src/config/config.js';
import { environmentNameOf, settingsOf } from '../../src/config/settings.js';

/** Root of the repository. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export function readText(file: string): string {
  return readFileSync(path.join(projectRoot, file), 'utf8');
}

/** With anchors and `<<` resolved, as Compose does it. */
export function readYaml<T>(file: string): T {
  return parse(readText(file), { merge: true }) as T;
}

/** The part of a Kubernetes object that tests look at without knowing its kind. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

export function readManifests(...files: string[]): Manifest[] {
  return files.flatMap((file) =>
    parseAllDocuments(readText(file)).map((document) => {
      if (document.errors.length > 0) throw document.errors[0] as Error;
      return document.toJS() as Manifest;
    }),
  );
}

/** A version to the last number, or more: what is pulled tomorrow is what was pulled today. */
export const pinnedImage = /^[a-z\d][\w./-]*:v?\d+\.\d+\.\d+(-[\w.-]+)?$/;

/**
 * Reads the settings as the program does.
 *
 * @throws where one is not valid, or a variable of the environment is none of this command's.
 */
export function parseDeployed(
  command: Parameters<typeof settingsOf>[0],
  environment: Readonly<Record<string, string>>,
  flags: Readonly<Record<string, string>> = {},
): Settings {
  const known = settingsOf(command).map(([, setting]) => environmentNameOf(setting));
  const unknown = Object.keys(environment).filter(
    (name) => name.startsWith('AI_CLUSTER_') && !known.includes(name),
  );
  if (unknown.length > 0) throw new Error(`${command} does not know ${unknown.join(', ')}`);
  return parseSettings(command, { environment, flags });
}
