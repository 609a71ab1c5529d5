/** A batch request that runs and could be paused. */
export interface Pausable {
  readonly nodeId: string;
  readonly startedAt: number;
  /** How often it was paused before. */
  readonly pauses: number;
  /** Tokens of its prompt, estimated: they have to be read again. */
  readonly promptTokens: number;
  /** Tokens that this run has produced. */
  readonly tokens: number;
  /** It was told already. */
  readonly isYielding: boolean;
}

/** The first run lasts at least so long, each further one twice as long as the one before. */
export const shortestRunMs = 2_000;
/** One that was paused so often runs to its end. */
export const mostPauses = 4;

/**
 * Those that give up their slots for `wanted` waiting requests: where the least is lost, and of equals the youngest.
 * Only a run that has produced something, so that each brings the request forward; those that were told already count.
 */
export function pickPauses<P extends Pausable>(
  running: Iterable<P>,
  options: { wanted: number; nowMs: number; isUsable: (nodeId: string) => boolean },
): P[] {
  const all = [...running].filter(({ nodeId }) => options.isUsable(nodeId));
  const missing = options.wanted - all.filter(({ isYielding }) => isYielding).length;
  if (missing <= 0) return [];
  return all
    .filter((run) => mayPause(run, options.nowMs))
    .sort((a, b) => lossOf(a) - lossOf(b) || b.startedAt - a.startedAt)
    .slice(0, missing);
}

function mayPause({ isYielding, pauses, tokens, startedAt }: Pausable, nowMs: number): boolean {
  if (isYielding || tokens === 0 || pauses >= mostPauses) return false;
  return nowMs - startedAt >= shortestRunMs * 2 ** pauses;
}

/** Tokens to read once more. */
function lossOf({ promptTokens, tokens }: Pausable): number {
  return promptTokens + tokens;
}
