import { Command, Option } from 'commander';
import { parseSettings, type Settings } from '../config/config.js';
import type { CommandName, Setting } from '../config/setting.js';
import { environmentNameOf, settingsOf } from '../config/settings.js';
import type { Environment } from './environment.js';
import { createOptions, updateOptions } from './keyFlags.js';
import { readVersion } from './packageInfo.js';

/** What a command gets: its settings, its arguments, and whether `up` started it as its child. */
interface Invocation {
  readonly settings: Settings;
  readonly names: readonly string[];
  readonly supervised: boolean;
  readonly environment: Environment;
  /** Its own flags, which are no settings, by commander's names. */
  readonly given: Readonly<Record<string, unknown>>;
}

type Run = (invocation: Invocation) => Promise<void>;

/** The command line: each command has the settings that the table gives it, and loads its code when it runs. */
export function createProgram(environment: Environment): Command {
  const program = new Command('ai-cluster')
    .description('An OpenAI-compatible endpoint on llama.cpp workers.')
    .version(readVersion())
    .showHelpAfterError('(ai-cluster --help lists the commands, ai-cluster <command> --help their settings)')
    // `nodes` has the settings of its subcommands: each belongs to the command that it stands behind.
    .enablePositionalOptions()
    .exitOverride();

  const add = (
    parent: Command,
    name: string,
    of: CommandName,
    description: string,
    run: Run,
    own: readonly Option[] = [],
  ) => {
    const command = parent.command(name).description(description);
    for (const [, setting] of settingsOf(of)) command.addOption(toOption(setting));
    for (const option of own) command.addOption(option);
    // Set by `up` for its children: log lines go to stdout as JSON, and the end of the parent is theirs.
    if (of === 'controller' || of === 'worker') command.addOption(new Option('--supervised').hideHelp());
    command.action(async () => {
      const given = command.opts<Record<string, string | string[] | true | undefined>>();
      const flags = Object.fromEntries(
        settingsOf(of).map(([, { flag }]) => [
          flag,
          given[toAttribute(flag)] as string | string[] | undefined,
        ]),
      );
      const settings = parseSettings(of, { flags, environment });
      const supervised = given['supervised'] === true;
      await run({ settings, names: command.args, supervised, environment, given });
    });
    return command;
  };

  add(program, 'up', 'up', 'start the controller and local workers, and keep them running', async (given) =>
    (await import('./commands/up.js')).runUp(given.settings, environment),
  );
  add(program, 'controller', 'controller', 'start a controller by itself', async (given) =>
    (await import('./commands/controller.js')).runController(given.settings, given),
  );
  add(program, 'worker', 'worker', 'start a worker by itself', async (given) =>
    (await import('./commands/worker.js')).runWorker(given.settings, given),
  );
  add(program, 'status', 'status', 'show the nodes of a running cluster', async (given) =>
    (await import('./commands/status.js')).printStatus(given.settings, given.environment),
  );
  const nodes = add(program, 'nodes', 'nodes', 'list, drain, add and remove nodes', async (given) =>
    (await import('./commands/nodes.js')).listNodes(given.settings, given.environment),
  );
  const nodeCommands = {
    drain: ['drainNode', 'give a node no new requests'],
    undrain: ['undrainNode', 'give a drained node requests again'],
    add: ['addNode', 'expect a node, or let a removed one join again'],
    remove: ['removeNode', 'drain a node and forget it'],
  } as const;
  for (const [name, [run, description]] of Object.entries(nodeCommands)) {
    add(nodes, `${name} <id>`, 'nodes', description, async (given) =>
      (await import('./commands/nodes.js'))[run](given.settings, given.names[0] ?? '', given.environment),
    );
  }
  const keys = program.command('keys').description('make, limit, watch and revoke API keys');
  const keyCommands = {
    list: ['listKeys', 'list the keys', []],
    'create <name>': ['createKey', 'make a key, which is shown this once', createOptions()],
    'show <id>': ['showKey', 'show what a key may do', []],
    'update <id>': ['updateKey', 'change what a key may do', updateOptions()],
    'rotate <id>': ['rotateKey', 'give a key another secret; the old one opens nothing any more', []],
    'disable <id>': ['disableKey', 'stop a key for a while', []],
    'enable <id>': ['enableKey', 'let a disabled key work again', []],
    'revoke <id>': ['revokeKey', 'stop a key for good', []],
  } as const;
  const asJson = () => new Option('--json', 'print JSON, for programs');
  for (const [name, [run, description, own]] of Object.entries(keyCommands)) {
    const runKeyCommand: Run = async (given) =>
      (await import('./commands/keys.js'))[run](given.settings, given.names[0] ?? '', given.given);
    add(keys, name, 'keys', description, runKeyCommand, [...own, asJson()]);
  }
  const showUsage: Run = async (given) =>
    (await import('./commands/usage.js')).printUsage(given.settings, given.given);
  add(program, 'usage', 'usage', 'show what each API key has used', showUsage, [
    new Option('--key <id>', 'only this key; anonymous is everybody without one'),
    new Option('--model <name>', 'only this model; unknown is what named none that there is'),
    new Option('--from <date>', 'from this day on, by UTC, as 2026-08-01'),
    new Option('--to <date>', 'up to this day'),
    new Option(
      '--by <what>',
      'a row for each day, key or model, or several with commas (default: day,key,model)',
    ),
    new Option('--csv', 'print CSV'),
    asJson(),
  ]);
  const models = program.command('models').description('list, pull and remove models');
  add(models, 'list', 'models', 'list the catalog and the downloaded models', async (given) =>
    (await import('./commands/models.js')).listAllModels(given.settings),
  );
  add(models, 'pull <name...>', 'models pull', 'download models and check their digests', async (given) =>
    (await import('./commands/models.js')).pullModels(given.settings, given.names),
  );
  add(models, 'rm <name...>', 'models', 'remove downloaded models', async (given) =>
    (await import('./commands/models.js')).removeModels(given.settings, given.names),
  );
  return program;
}

function toOption(setting: Setting): Option {
  const defaultText = setting.defaultText === undefined ? '' : `default: ${setting.defaultText}; `;
  const option = new Option(
    `--${setting.flag} ${setting.value}`,
    `${setting.description} (${defaultText}env: ${environmentNameOf(setting)})`,
  );
  if (setting.repeatable) {
    option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  }
  return option;
}

/** Commander's name for the value of a flag: `worker-port` → `workerPort`. */
function toAttribute(flag: string): string {
  return flag.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
