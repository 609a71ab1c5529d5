import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { prefixShares, type PrefixShare } from './conversations.js';

export interface RoutingBenchOptions {
  readonly seeds: readonly number[];
  readonly shares: readonly PrefixShare[];
  readonly requests: number;
  readonly speeds: readonly number[];
  readonly slots: number;
  readonly diskTokens: number;
  readonly callers: number;
  readonly meanThinkMs: number;
  /** Real workers, and the simulation with their costs beside them. */
  readonly isReal: boolean;
  readonly modelPath: string;
}

const flags = {
  real: { type: 'boolean', default: false },
  seeds: { type: 'string' },
  shares: { type: 'string' },
  requests: { type: 'string' },
  speeds: { type: 'string' },
  slots: { type: 'string', default: '4' },
  disk: { type: 'string', default: '44000' },
  callers: { type: 'string' },
  think: { type: 'string' },
  model: { type: 'string', default: 'models/SmolLM2-135M-Instruct.Q4_1.gguf' },
} as const;

/** Four workers that are simulated, two real ones. */
const defaults = {
  simulated: {
    seeds: 7,
    shares: '0,25,50,75,95',
    requests: 400,
    speeds: '1,1,1,1',
    callers: 12,
    think: 5000,
  },
  real: { seeds: 2, shares: '50,95', requests: 48, speeds: '1,1', callers: 5, think: 2000 },
};

/** @throws Error with a message for the person at the keyboard. */
export function parseOptions(args: readonly string[]): RoutingBenchOptions {
  const { values } = parseArgs({ args: [...args], options: flags });
  const standard = values.real ? defaults.real : defaults.simulated;
  const shares = (values.shares ?? standard.shares).split(',').map((text) => Number(text) as PrefixShare);
  if (shares.some((share) => !(share in prefixShares)))
    throw new Error(`--shares takes ${Object.keys(prefixShares).join(', ')}`);
  const modelPath = path.resolve(values.model);
  if (values.real && !existsSync(modelPath)) throw new Error(`${values.model} is not there: run make model`);
  return {
    seeds: Array.from({ length: Number(values.seeds ?? standard.seeds) }, (_, index) => index + 1),
    shares,
    requests: Number(values.requests ?? standard.requests),
    speeds: (values.speeds ?? standard.speeds).split(',').map(Number),
    slots: Number(values.slots),
    diskTokens: Number(values.disk),
    callers: Number(values.callers ?? standard.callers),
    meanThinkMs: Number(values.think ?? standard.think),
    isReal: values.real,
    modelPath,
  };
}
