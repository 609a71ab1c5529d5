import type { z } from 'zod';

export type CommandName =
  'up' | 'controller' | 'worker' | 'models' | 'models pull' | 'status' | 'nodes' | 'keys' | 'usage';

export interface Setting {
  /** The flag without its dashes. */
  readonly flag: string;
  readonly commands: readonly CommandName[];
  /** The name of the value in `--help`, with its unit. */
  readonly value: string;
  readonly description: string;
  /** Shown in `--help`; the text is parsed like a given one. Absent: not set, or worked out (see description). */
  readonly defaultText?: string;
  readonly repeatable?: boolean;
  /** An environment variable beside its own, for those who know it from there. */
  readonly variable?: string;
  /** What is accepted, for the message about a bad value. */
  readonly accepted: string;
  /** From the text that was given to the typed value. */
  readonly schema: z.ZodType<string | number, string>;
  /** Where it means something else to one command: takes the place of what stands above. */
  readonly forCommand?: Partial<
    Record<CommandName, Partial<Pick<Setting, 'description' | 'accepted' | 'schema'>>>
  >;
}

/** Those that run a controller or a worker. */
export const serving = ['up', 'controller', 'worker'] as const;
