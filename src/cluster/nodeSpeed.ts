import type { ModelSpeed } from '../routing/nodeSnapshot.js';

/** Before anything was measured anywhere: a small model on a few cores. Only ratios between nodes matter then. */
export const defaultSpeed: MeasuredRates = { prefillTokensPerSecond: 400, decodeTokensPerSecond: 40 };
/**
 * Not learned: what each further sequence in a batch costs the others. llama.cpp on CPUs: one stream 85 tokens/s,
 * four 167 in sum, eight 189 to 233, sixteen 266, which is 0.27 to 0.35 (docs/engine.md). A prompt beside decoders is
 * slowed down about as much. On a GPU it is less, but there it costs little to spread requests.
 */
export const batchSlowdown = 0.3;

type MeasuredRates = Pick<ModelSpeed, 'prefillTokensPerSecond' | 'decodeTokensPerSecond'>;

/** Weight of the newest measurement. */
const smoothing = 0.15;
/** A measurement further away than this factor counts as this far away. */
const largestStep = 3;
/** Shorter work is mostly overhead. */
const leastTokens = { prefill: 48, decode: 8 };
/** From so many tokens on a measurement has its full weight. */
const fullWeightTokens = { prefill: 256, decode: 32 };

/** How fast one model runs on one node, learned from what it did. */
export class NodeSpeed {
  readonly #prefill = new LearnedRate();
  readonly #decode = new LearnedRate();

  /** `tokens` were evaluated in `elapsedMs`, beside so many other sequences (on average). */
  notePrefill(tokens: number, elapsedMs: number, others: number): void {
    if (tokens < leastTokens.prefill || elapsedMs <= 0) return;
    this.#prefill.note(toSoloRate(tokens, elapsedMs, others), tokens / fullWeightTokens.prefill);
  }

  noteDecode(tokens: number, elapsedMs: number, others: number): void {
    if (tokens < leastTokens.decode || elapsedMs <= 0) return;
    this.#decode.note(toSoloRate(tokens, elapsedMs, others), tokens / fullWeightTokens.decode);
  }

  /** What was measured here alone; undefined where nothing was. */
  get measured(): { readonly [Rate in keyof MeasuredRates]: number | undefined } {
    return { prefillTokensPerSecond: this.#prefill.value, decodeTokensPerSecond: this.#decode.value };
  }

  /** With the prior for what was not measured often enough yet. */
  estimate(prior: MeasuredRates): ModelSpeed {
    return {
      prefillTokensPerSecond: this.#prefill.blendedWith(prior.prefillTokensPerSecond),
      decodeTokensPerSecond: this.#decode.blendedWith(prior.decodeTokensPerSecond),
      batchSlowdown,
    };
  }
}

/** What to expect of a node that nothing is known of: the median of the model's nodes, as far as they were measured. */
export function toPrior(speeds: readonly NodeSpeed[]): MeasuredRates {
  const medianOf = (rate: keyof MeasuredRates) => {
    const known = speeds.flatMap(({ measured }) => measured[rate] ?? []).sort((a, b) => a - b);
    return known[Math.floor((known.length - 1) / 2)] ?? defaultSpeed[rate];
  };
  return {
    prefillTokensPerSecond: medianOf('prefillTokensPerSecond'),
    decodeTokensPerSecond: medianOf('decodeTokensPerSecond'),
  };
}

function toSoloRate(tokens: number, elapsedMs: number, others: number): number {
  return (tokens / elapsedMs) * 1000 * (1 + batchSlowdown * others);
}

/** An exponentially weighted geometric mean: rates differ by factors, and a factor up weighs as much as one down. */
class LearnedRate {
  #log = 0;
  #count = 0;

  note(rate: number, weight: number): void {
    const share = Math.min(1, weight);
    const log = Math.log(rate);
    const reach = Math.log(largestStep);
    const step = this.#count === 0 ? log : Math.min(reach, Math.max(-reach, log - this.#log));
    this.#log += step * (this.#count === 0 ? 1 : Math.max(smoothing, 1 / (this.#count + 1)) * share);
    this.#count++;
  }

  get value(): number | undefined {
    return this.#count === 0 ? undefined : Math.exp(this.#log);
  }

  /** The prior weighs as much as one measurement. */
  blendedWith(prior: number): number {
    if (this.#count === 0) return prior;
    return Math.exp((Math.log(prior) + this.#log * this.#count) / (1 + this.#count));
  }
}
