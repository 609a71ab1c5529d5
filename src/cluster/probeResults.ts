/** What the active probes of a node have shown. Pure. */
export type ProbeResults =
  /** In a row; the first failure is a reason to prefer other nodes, and not more. */
  | { readonly kind: 'passing'; readonly failures: number }
  | { readonly kind: 'failing'; readonly passes: number };

/** Failed probes in a row that make a node suspect, and passed ones that bring it back. */
export const failuresToFail = 3;
export const passesToPass = 2;

export const noProbes: ProbeResults = { kind: 'passing', failures: 0 };

export function reduceProbes(results: ProbeResults, hasPassed: boolean): ProbeResults {
  if (results.kind === 'passing') {
    if (hasPassed) return noProbes;
    const failures = results.failures + 1;
    return failures < failuresToFail ? { kind: 'passing', failures } : { kind: 'failing', passes: 0 };
  }
  if (!hasPassed) return { kind: 'failing', passes: 0 };
  const passes = results.passes + 1;
  return passes < passesToPass ? { kind: 'failing', passes } : noProbes;
}
