import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { ConfigError } from '../config/config.js';
import type { Environment } from './environment.js';

const leastCharacters = 16;

/**
 * The secret of this installation: `given` where it was given, else what stands in `file`, which is made where it is
 * not there, readable by its owner alone. Of processes that make it at the same time, all get the same one.
 *
 * @throws Error naming the file where it cannot be read or written, or holds no secret.
 */
export function readOrCreateSecret({ file, given }: { file: string; given: string | undefined }): string {
  if (given !== undefined) return given;
  return tryRead(file) ?? create(file);
}

/** @throws Error with `hint` where there is no such file. */
export function requireSecret(file: string, hint: string): string {
  const secret = tryRead(file);
  if (secret === undefined) throw new Error(`there is no file ${file}: ${hint}`);
  return secret;
}

/**
 * A secret that the operator gave: the text of the variable, or that of the file. The variable is taken out of the
 * environment, so that no program that is started from here inherits it.
 *
 * @throws ConfigError where both are there, or what is there is no secret. It names the place, never the text.
 */
export function takeGivenSecret(
  environment: Environment,
  { variable, flag, file }: { variable: string; flag: string; file: string | undefined },
): string | undefined {
  const text = environment[variable];
  delete environment[variable];
  if (!text) return file === undefined ? undefined : readGiven(flag, file);
  if (file !== undefined) throw new ConfigError([`${flag}: ${variable} is set, too; give one of the two`]);
  if (!isSecret(text)) throw new ConfigError([`${variable}: ${whatIsAccepted}`]);
  return text;
}

const whatIsAccepted = `a secret is one line of at least ${leastCharacters} visible ASCII characters, without spaces`;

function isSecret(text: string): boolean {
  return text.length >= leastCharacters && /^[\x21-\x7e]+$/.test(text);
}

function readGiven(flag: string, file: string): string {
  let secret: string | undefined;
  try {
    secret = tryRead(file);
  } catch (error) {
    throw new ConfigError([`${flag}: ${error instanceof Error ? error.message : String(error)}`]);
  }
  if (secret === undefined) throw new ConfigError([`${flag}: there is no file ${file}`]);
  return secret;
}

/** Undefined where there is no such file. */
function tryRead(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new Error(`${file} cannot be read (${code})`, { cause: error });
  }
  if (!isSecret(text)) throw new Error(`${file} holds no secret: ${whatIsAccepted}`);
  return text;
}

/** Written whole under a name of its own and linked to its place, where only the first of several comes to stand. */
function create(file: string): string {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  const secret = randomBytes(32).toString('base64url');
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      writeSync(descriptor, `${secret}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    linkSync(draft, file);
    return secret;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const other = code === 'EEXIST' ? tryRead(file) : undefined;
    if (other !== undefined) return other;
    throw new Error(`${file} cannot be written (${code})`, { cause: error });
  } finally {
    rmSync(draft, { force: true });
  }
}
