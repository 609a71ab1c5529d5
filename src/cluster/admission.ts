import { isPanic } from './outlierDetection.js';
import { weightOf } from './slowStart.js';

/** What decides whether a node takes requests for a model. */
export interface AdmissionFacts {
  /** It is connected, ready, not drained, and has the model. */
  readonly isUp: boolean;
  /** What its circuit breaker lets through. */
  readonly passes: 'all' | 'trial' | 'none';
  /** Its breaker is open with no trial on its way. */
  readonly canBeTried: boolean;
  readonly isEjected: boolean;
  /** Its last health probe failed. */
  readonly isDoubtful: boolean;
  readonly readySinceMs: number;
}

export type Admittance =
  | { readonly kind: 'full'; readonly weight: number }
  /** One request, to see whether it works again. */
  | { readonly kind: 'trial' }
  | { readonly kind: 'none'; readonly because: 'notUp' | 'breaker' | 'ejected' | 'doubtful' };

/**
 * Which of the nodes of one model take requests. Each reason to leave a node out gives way where nobody would be left:
 * a node that may fail is better than none. Open breakers give way to one trial at a time.
 */
export function admitNodes(nodes: readonly AdmissionFacts[], nowMs: number): Admittance[] {
  const up = nodes.filter(({ isUp }) => isUp);
  const passing = up.filter(({ passes }) => passes !== 'none');
  const closedEnough = passing.length > 0 ? passing : up.filter(({ canBeTried }) => canBeTried);

  const wellBehaved = closedEnough.filter(({ isEjected }) => !isEjected);
  const isEjectionIgnored = isPanic(closedEnough) || !wellBehaved.some(takesAll);
  const kept = isEjectionIgnored ? closedEnough : wellBehaved;

  const answering = kept.filter(({ isDoubtful }) => !isDoubtful);
  const admitted = answering.some(takesAll) ? answering : kept;

  return nodes.map((node) => {
    if (admitted.includes(node)) {
      if (!takesAll(node)) return { kind: 'trial' };
      const others = admitted.filter((other) => other !== node && takesAll(other));
      return { kind: 'full', weight: weightOf(node, others, nowMs) };
    }
    if (!node.isUp) return { kind: 'none', because: 'notUp' };
    if (!closedEnough.includes(node)) return { kind: 'none', because: 'breaker' };
    return { kind: 'none', because: kept.includes(node) ? 'doubtful' : 'ejected' };
  });
}

const takesAll = ({ passes }: AdmissionFacts) => passes === 'all';
