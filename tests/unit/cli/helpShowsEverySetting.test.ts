import { CommanderError, type Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../../src/cli/program.js';
import { ConfigError } from '../../../src/config/config.js';
import type { CommandName } from '../../../src/config/setting.js';
import { environmentNameOf, settings, settingsOf } from '../../../src/config/settings.js';

/** Where the settings of a command are asked for. */
const commandLines: [CommandName, string[]][] = [
  ['up', ['up']],
  ['controller', ['controller']],
  ['worker', ['worker']],
  ['status', ['status']],
  ['nodes', ['nodes']],
  ['nodes', ['nodes', 'drain']],
  ['nodes', ['nodes', 'undrain']],
  ['nodes', ['nodes', 'add']],
  ['nodes', ['nodes', 'remove']],
  ...['list', 'show', 'rotate', 'disable', 'enable', 'revoke'].map((name): [CommandName, string[]] => [
    'keys',
    ['keys', name],
  ]),
  ['models', ['models', 'list']],
  ['models pull', ['models', 'pull']],
  ['models', ['models', 'rm']],
];

/** The program with its output caught: what it prints goes into `output`. */
function createQuietProgram(environment: Record<string, string> = {}) {
  const output: string[] = [];
  const program = createProgram(environment);
  const quieten = (command: Command) => {
    command.configureOutput({
      writeOut: (text) => void output.push(text),
      writeErr: (text) => void output.push(text),
      getOutHelpWidth: () => 1_000,
      getErrHelpWidth: () => 1_000,
    });
    command.commands.forEach(quieten);
  };
  quieten(program);
  return { program, output };
}

async function run(args: readonly string[], environment: Record<string, string> = {}) {
  const { program, output } = createQuietProgram(environment);
  const error: unknown = await program.parseAsync([...args], { from: 'user' }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, text: output.join('') };
}

describe('the help of a command', () => {
  it.each(commandLines)(
    'of %s at %j shows each of its settings with default and variable',
    async (name, args) => {
      const { error, text } = await run([...args, '--help']);
      expect(error).toMatchObject({ code: 'commander.helpDisplayed', exitCode: 0 });
      for (const [, setting] of settingsOf(name)) {
        const line = text.split('\n').find((candidate) => candidate.includes(`--${setting.flag} `));
        expect(line, setting.flag).toContain(`--${setting.flag} ${setting.value}`);
        expect(line).toContain(setting.description);
        expect(line).toContain(`env: ${environmentNameOf(setting)})`);
        if (setting.defaultText === undefined) expect(line).not.toContain('(default: ;');
        else expect(line).toContain(`(default: ${setting.defaultText}; env:`);
      }
    },
  );

  it.each(commandLines)('of %s at %j shows no setting of another command', async (name, args) => {
    const { text } = await run([...args, '--help']);
    const shown = [...text.matchAll(/^ +--([a-z-]+) </gm)].map(([, flag]) => flag);
    expect(shown).toEqual(settingsOf(name).map(([, { flag }]) => flag));
  });

  it('hides what is for the supervisor alone', async () => {
    for (const name of ['controller', 'worker']) {
      expect((await run([name, '--help'])).text).not.toContain('supervised');
    }
  });

  it('says of every setting what its default is, in the description where it is worked out', () => {
    for (const setting of Object.values(settings)) {
      const { defaultText, description } = { defaultText: undefined, ...setting };
      // A worker without a controller runs by itself: there nothing is the default.
      if (defaultText === undefined && setting.flag !== 'controller') {
        expect(description).toContain('(default:');
      }
    }
  });
});

describe('the help of the program', () => {
  it('lists the commands', async () => {
    const { error, text } = await run(['--help']);
    expect(error).toMatchObject({ exitCode: 0 });
    for (const name of ['up', 'controller', 'worker', 'status', 'nodes', 'keys', 'usage', 'models']) {
      expect(text).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
  });

  it('has a version', async () => {
    const { error, text } = await run(['--version']);
    expect(error).toMatchObject({ code: 'commander.version', exitCode: 0 });
    expect(text).toMatch(/^\d+\.\d+\.\d+/);
  });
});

describe('a wrong command line', () => {
  it.each([
    [['up', '--prot', '1'], 'commander.unknownOption', "unknown option '--prot'"],
    [['serve'], 'commander.unknownCommand', "unknown command 'serve'"],
    [['models', 'fetch'], 'commander.unknownCommand', "unknown command 'fetch'"],
    [['up', 'extra'], 'commander.excessArguments', 'too many arguments'],
    [['up', '--port'], 'commander.optionMissingArgument', "'--port <port>' argument missing"],
    [['nodes', 'drain'], 'commander.missingArgument', "missing required argument 'id'"],
    [['nodes', 'evict'], 'commander.excessArguments', 'too many arguments'],
    [['keys', 'create'], 'commander.missingArgument', "missing required argument 'name'"],
    [['keys', 'revoke'], 'commander.missingArgument', "missing required argument 'id'"],
    [['models', 'pull'], 'commander.missingArgument', "missing required argument 'name'"],
    [['up', '--queue'], 'commander.unknownOption', "unknown option '--queue'"],
    [['status', '--slots', '4'], 'commander.unknownOption', "unknown option '--slots'"],
    [['models', 'list', '--hub-url', 'http://x'], 'commander.unknownOption', "unknown option '--hub-url'"],
    [['controller', '--models-dir', 'x'], 'commander.unknownOption', "unknown option '--models-dir'"],
  ])('%j ends with a CommanderError and a hint', async (args, code, message) => {
    const { error, text } = await run(args);
    expect(error).toBeInstanceOf(CommanderError);
    expect(error).toMatchObject({ code, exitCode: 1 });
    expect(text).toContain(message);
    expect(text).toContain('--help');
  });

  it.each([[[]], [['models']], [['keys']]])('%j shows the help and is not a success', async (args) => {
    const { error, text } = await run(args);
    expect(error).toBeInstanceOf(CommanderError);
    expect((error as CommanderError).exitCode).not.toBe(0);
    expect(text).toContain('Usage: ai-cluster');
  });
});

describe('settings on the command line', () => {
  it.each(['up', 'controller', 'worker', 'status', 'nodes'])(
    'that are bad end %s before it does anything',
    async (name) => {
      const { error } = await run([name, '--host', '0.0.0']);
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).problems).toHaveLength(1);
    },
  );

  it('are read by the name of their flag, with the environment behind them', async () => {
    const flags = settingsOf('up').flatMap(([, { flag }]) => [`--${flag}`, '']);
    const { error } = await run(['up', ...flags], { AI_CLUSTER_HOST: 'localhost' });
    expect((error as ConfigError).problems.map((problem) => problem.split(':')[0])).toEqual(
      settingsOf('up').map(([, { flag }]) => `--${flag}`),
    );
    const { error: fromEnvironment } = await run(['models', 'pull', 'x'], { AI_CLUSTER_HUB_URL: 'x' });
    expect((fromEnvironment as ConfigError).problems).toEqual([
      expect.stringMatching(/^AI_CLUSTER_HUB_URL: "x" is not accepted/),
    ]);
  });

  it('belong to the command that they stand behind', async () => {
    const { error } = await run(['nodes', 'drain', 'worker_1', '--port', 'x']);
    expect((error as ConfigError).problems).toEqual([expect.stringMatching(/^--port: "x" is not accepted/)]);
  });

  it('repeat for a list, and the last one counts for the rest', async () => {
    const { error } = await run(['up', '--model', '', '--model', ' ', '--port', '1', '--port', 'x']);
    expect((error as ConfigError).problems.map((problem) => problem.split(' is not')[0])).toEqual([
      '--port: "x"',
      '--model: ""',
      '--model: " "',
    ]);
  });
});
