import { Command, Option } from 'commander';
import { parseSettings, type Settings } from '../config/config.js';
import { environmentNameOf, settingsOf, type CommandName, type Setting } from '../config/settings.js';
import { readVersion } from './packageInfo.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a command gets: its settings, its arguments, and whether `up` started it as its child. */
interface Invocation {
  readonly settings: Settings;
  readonly names: readonly string[];
  readonly supervised: boolean;
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

  const add = (parent: Command, name: string, of: CommandName, description: string, run: Run) => {
    const command = parent.command(name).description(description);
    for (const [, setting] of settingsOf(of)) command.addOption(toOption(setting));
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
      await run({ settings, names: command.args, supervised: given['supervised'] === true });
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
    (await import('./commands/status.js')).printStatus(given.settings),
  );
  const nodes = add(program, 'nodes', 'nodes', 'list, drain, add and remove nodes', async (given) =>
    (await import('./commands/nodes.js')).listNodes(given.settings),
  );
  const nodeCommands = {
    drain: ['drainNode', 'give a node no new requests'],
    undrain: ['undrainNode', 'give a drained node requests again'],
    add: ['addNode', 'expect a node, or let a removed one join again'],
    remove: ['removeNode', 'drain a node and forget it'],
  } as const;
  for (const [name, [run, description]] of Object.entries(nodeCommands)) {
    add(nodes, `${name} <id>`, 'nodes', description, async (given) =>
      (await import('./commands/nodes.js'))[run](given.settings, given.names[0] ?? ''),
    );
  }
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
