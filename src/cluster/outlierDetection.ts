import type { EjectionReason } from '../protocol/clusterStatus.js';

/**
 * Finds nodes that do clearly worse than their peers with the same model, and for how long they are left out. Pure.
 *
 * Three things are compared: the share of attempts that fail, the time to the first token for each prompt token that
 * had to be read, and the time for each token after it. Per token, because requests differ in length and caches.
 */

export const measures = ['failures', 'firstToken', 'nextTokens'] as const;
export type Measure = (typeof measures)[number];

/** What a node that is worse in it is left out for. */
const reasonOf: Readonly<Record<Measure, EjectionReason>> = {
  failures: 'failures',
  firstToken: 'slow_first_token',
  nextTokens: 'slow_tokens',
};

export interface Sample {
  readonly atMs: number;
  /** Failures: 1 or 0. The others: milliseconds a token. */
  readonly value: number;
  /** Requests that the node ran at once: tokens of a full batch come later than those of a single request. */
  readonly load: number;
}

/** The samples of one node and model, oldest first. */
export type Samples = Readonly<Record<Measure, readonly Sample[]>>;
export const noSamples: Samples = { failures: [], firstToken: [], nextTokens: [] };

/** Fewer samples say nothing, of a node and of its peers. */
export const minVolume = 20;
const keptSamples = 100;
const keptMs = 60_000;

/** How many times as bad as the median of its peers a node may be. */
const allowedFactor = 3;
/** And by how much it has to be worse, so that the noise of fast machines is no reason. */
const worthActing: Readonly<Record<Measure, number>> = { failures: 0.2, firstToken: 2, nextTokens: 10 };
/**
 * In how many different seconds. A process that was stopped for a moment, or a burst, makes many requests slow at once
 * and is over before anything could be done about it.
 */
const leastBadSeconds = 3;

/** A short prompt takes as long as one of so many tokens: most of its time is not spent on tokens. */
const leastPromptTokens = 64;

export function perPromptToken(firstTokenMs: number, readTokens: number): number {
  return firstTokenMs / Math.max(leastPromptTokens, readTokens);
}

export function addSample(samples: Samples, measure: Measure, sample: Sample): Samples {
  const recent = samples[measure].filter(({ atMs }) => sample.atMs - atMs < keptMs);
  return { ...samples, [measure]: [...recent, sample].slice(-keptSamples) };
}

/** What is wrong with the node of `own`; undefined where it does as its peers, or too little is known. */
export function findOutlier(
  own: Samples,
  peers: readonly Samples[],
  nowMs: number,
): EjectionReason | undefined {
  const worst = measures.find((measure) => {
    const mine = summarize(measure, own[measure], nowMs);
    const others = peers.flatMap((peer) => summarize(measure, peer[measure], nowMs) ?? []);
    if (!mine || others.length === 0) return false;
    const typical = median(others.map(({ value }) => value));
    // A node that runs more at once than its peers may be slower by as much.
    const moreLoad = mine.load / median(others.map(({ load }) => load));
    const allowed = typical * allowedFactor * (measure === 'failures' ? 1 : Math.max(1, moreLoad));
    if (mine.value <= allowed || mine.value - typical <= worthActing[measure]) return false;
    const bad = mine.recent.filter(({ value }) => value > allowed);
    return new Set(bad.map(({ atMs }) => Math.floor(atMs / 1_000))).size >= leastBadSeconds;
  });
  return worst && reasonOf[worst];
}

/** The share of failures, or the 95th percentile of times, with the mean load beside it. */
function summarize(measure: Measure, samples: readonly Sample[], nowMs: number) {
  const recent = samples.filter(({ atMs }) => nowMs - atMs < keptMs);
  if (recent.length < minVolume) return undefined;
  const values = recent.map(({ value }) => value);
  return {
    recent,
    value: measure === 'failures' ? mean(values) : percentile95(values),
    load: mean(recent.map(({ load }) => load)),
  };
}

/** A node that is left out, or was until `untilMs`. */
export interface Ejection {
  readonly reason: EjectionReason;
  readonly untilMs: number;
  /** How often it was left out in a row. */
  readonly times: number;
}

export const firstEjectionMs = 30_000;
export const longestEjectionMs = 300_000;
/** A node that does well for so long begins anew. */
const forgivenAfterMs = 300_000;

export function eject(before: Ejection | undefined, reason: EjectionReason, nowMs: number): Ejection {
  const isForgiven = !before || nowMs - before.untilMs >= forgivenAfterMs;
  const times = isForgiven ? 1 : before.times + 1;
  return { reason, times, untilMs: nowMs + Math.min(longestEjectionMs, firstEjectionMs * times) };
}

/**
 * Whether ejections are ignored: more than half of the nodes that could take requests would be left out, so that it is
 * not they who are at fault, or the rest could not bear it. The last node is never left out.
 */
export function isPanic(nodes: readonly { readonly isEjected: boolean }[]): boolean {
  return nodes.filter(({ isEjected }) => isEjected).length > nodes.length / 2;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percentile95(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
