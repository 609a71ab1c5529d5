import { CommanderError } from 'commander';
import { ConfigError } from '../config/config.js';
import { createProgram } from './program.js';
import { exitCodes, printError } from './terminal.js';

const moreFilesHint = 'raise the limit on file descriptors with `ulimit -n 1024`, or LimitNOFILE= of systemd';

try {
  await createProgram(process.env).parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}

function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EMFILE';
}

/** Prints what went wrong and says which exit code fits. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message already.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.badUsage;
  }
  const message = error instanceof Error ? error.message : String(error);
  printError(`ai-cluster: ${message}${isOutOfFiles(error) ? ` (${moreFilesHint})` : ''}`);
  return error instanceof ConfigError ? exitCodes.badUsage : exitCodes.failed;
}
