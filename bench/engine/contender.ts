import type { ProcessMemory } from '../support/procfs.js';

/** What is measured, and how it is asked: every contender is a process of its own that streams over HTTP. */

export const contenderNames = ['worker', 'plain', 'llama-server'] as const;
export type ContenderName = (typeof contenderNames)[number];

/** The same for all contenders. */
export interface ContenderOptions {
  readonly modelPath: string;
  readonly threads: number;
  /** Streams that can run at the same time. */
  readonly slots: number;
  /** Context of each slot. */
  readonly contextTokens: number;
  /** Binary of llama-server; only that contender needs it. */
  readonly llamaServer: string | undefined;
  readonly llamaServerArgs: readonly string[];
  /** For logs and data; removed at the end. */
  readonly folder: string;
}

/** A prompt as token ids, continued greedily by exactly `tokens` tokens: end tokens do not end it. */
export interface CompletionRequest {
  readonly prompt: readonly number[];
  readonly tokens: number;
  /** Called whenever something of the body arrives. */
  readonly onData?: () => void;
  /** Hangs up. */
  readonly signal?: AbortSignal;
}

/** By the client's clock, in milliseconds. */
export interface Completion {
  readonly sentAt: number;
  /** When each token arrived. */
  readonly tokenTimes: readonly number[];
  /** The tokens themselves; empty where the contender does not tell them. */
  readonly tokenIds: readonly number[];
}

export interface RunningContender {
  readonly name: ContenderName;
  readonly pid: number;
  /** @throws where the answer is an error or has not exactly as many tokens as were asked for. */
  complete(request: CompletionRequest): Promise<Completion>;
  readMemory(): ProcessMemory;
  /** What V8 has in use; undefined where the contender has no metrics that say so. */
  readHeapBytes(): Promise<number | undefined>;
  /** Whether the process is still there, and the end of its log. */
  describe(): string;
  /** Stops the process where it is, so that an idle contender takes nothing from a busy one; until `resume`. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export interface Contender {
  readonly name: ContenderName;
  /** Resolves when the model is loaded. */
  start(options: ContenderOptions): Promise<RunningContender>;
}
