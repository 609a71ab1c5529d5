import { spawn, type ChildProcess } from 'node:child_process';

/** A command and what it runs under. */
export interface CommandOptions {
  /** Added to the environment that the command inherits. */
  environment?: Readonly<Record<string, string>>;
  /** Ends the command, and rejects the promise. */
  signal?: AbortSignal;
}

const keptCharacters = 8_000;

/**
 * Runs a command to its end and resolves when it succeeded. Rejects with an Error whose message is one line: that
 * there is no such command, or the last thing that it complained about. Its output is not shown.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  { environment = {}, signal }: CommandOptions,
): Promise<void> {
  // env(1) adds the variables, so that nothing here has to read the environment.
  const additions = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const child = spawn('env', [...additions, command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    killSignal: 'SIGKILL',
    signal,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-keptCharacters);
    });
  }
  const outcome = await endOf(child);
  if (outcome.code === 0) return;
  if (outcome.code === 127) throw new Error(`there is no command ${command}`);
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const complaint = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? 'it says nothing';
  throw new Error(`${command} failed (${outcome.code ?? outcome.killedBy}): ${complaint.trim()}`);
}

function endOf(child: ChildProcess): Promise<{ code: number | null; killedBy: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    child.once('error', (error) => {
      failure = error;
      if (child.pid === undefined) reject(error);
    });
    // After an abort, too, the end is waited for: until then the command may write to its files.
    child.once('close', (code, killedBy) => (failure ? reject(failure) : resolve({ code, killedBy })));
  });
}
