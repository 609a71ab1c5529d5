import type { SampledLogprob } from '../../protocol/generation.js';
import type { EngineSampler, SamplerOptions } from './engine.js';
import type { AddonSampler, LlamaInternals } from './llamaInternals.js';
import { positionSeed } from './positionSeed.js';

/** A sampler of llama.cpp for one request. */
export interface LlamaSampler extends EngineSampler {
  /** Follows a grammar. */
  readonly isConstrained: boolean;
  /** Chooses the token behind the one at this place of the batch that was decoded last. */
  sample(logitIndex: number): Promise<number>;
  /** The log probability of a token chosen there, where the request asks for it. */
  rate(logitIndex: number, token: number): Promise<SampledLogprob | undefined>;
}

export interface LlamaSamplerDeps {
  readonly internals: LlamaInternals;
  /** Tokens that penalties can look back at. */
  readonly contextTokens: number;
  /** Models may have several: of the text, of a turn. */
  readonly endTokens: readonly number[];
  readonly tokenBytes: (token: number) => string;
}

/** Logits are divided by the temperature: by a much smaller one they become infinite, and a grammar is lost in them. */
const lowestTemperature = 1e-6;

/** @throws where the grammar cannot be parsed. */
export function createLlamaSampler(deps: LlamaSamplerDeps, options: SamplerOptions): LlamaSampler {
  const { bindings, context, model } = deps.internals;
  const { sampling, topLogprobs } = options;
  const grammar = options.grammar === undefined ? undefined : createGrammarState(options.grammar);
  const sampler = new bindings.AddonSampler(model);
  const rater = topLogprobs === null ? undefined : createTokenRater(deps);
  const temperature = sampling.temperature < lowestTemperature ? 0 : sampling.temperature;
  const isGreedy = temperature === 0;
  const hasPenalties =
    sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0 || sampling.repeatPenalty !== 1;
  const biases = sampling.logitBias.map(({ token, bias }): [number, number] => [token, bias]);
  // A grammar that is at its end allows nothing but the end.
  if (options.ignoreEos && !grammar)
    biases.push(...deps.endTokens.map((token): [number, number] => [token, -Infinity]));
  const history: number[] = [];
  let position = 0;

  // The library drops whatever a call leaves out, so each one names everything.
  const fixed = {
    temperature,
    topP: sampling.topP,
    minP: sampling.minP,
    // A top-k of the whole vocabulary would sort it for nothing.
    ...(sampling.topK > 0 ? { topK: sampling.topK } : {}),
    ...(grammar ? { grammarEvaluationState: grammar } : {}),
    ...(biases.length > 0
      ? {
          tokenBiasKeys: Uint32Array.from(biases, ([token]) => token),
          tokenBiasValues: Float32Array.from(biases, ([, bias]) => bias),
        }
      : {}),
  };
  const penalties = {
    repeatPenalty: sampling.repeatPenalty,
    repeatPenaltyPresencePenalty: sampling.presencePenalty,
    repeatPenaltyFrequencyPenalty: sampling.frequencyPenalty,
    repeatPenaltyMaxTokens: deps.contextTokens,
  };

  function configure(): void {
    sampler.applyConfig({
      ...fixed,
      seed: positionSeed(sampling.seed, position),
      ...(hasPenalties ? { ...penalties, repeatPenaltyTokens: Uint32Array.from(history) } : {}),
    });
  }

  function createGrammarState(gbnf: string): object {
    const parsed = new bindings.AddonGrammar(gbnf, { addonExports: bindings });
    return new bindings.AddonGrammarEvaluationState(model, parsed);
  }

  function remember(token: number): void {
    position++;
    if (hasPenalties) history.push(token);
  }

  configure();
  return {
    isConstrained: grammar !== undefined,
    accept(token) {
      if (grammar) {
        if (!bindings.AddonSampler.canBeNextTokenForGrammarEvaluationState(grammar, token))
          throw new Error(`the grammar does not allow token ${token} at place ${position} of the output`);
        bindings.AddonSampler.acceptGrammarEvaluationStateToken(grammar, token);
      }
      remember(token);
    },
    async sample(logitIndex) {
      // The library takes what it samples into penalties and grammar by itself; greedy needs no random number.
      if (!isGreedy || history.length > 0) configure();
      const token = await context.sampleToken(logitIndex, sampler);
      if (token < 0) throw new Error('no token is possible: the grammar and the biases exclude all of them');
      remember(token);
      return token;
    },
    rate: async (logitIndex, token) => rater?.rate(logitIndex, token, topLogprobs ?? 0),
    dispose() {
      sampler.dispose();
      rater?.dispose();
    },
  };
}

/** Reads log probabilities off the logits as the model made them: no penalty, bias, temperature or grammar. */
export interface TokenRater {
  rate(logitIndex: number, token: number, top: number): Promise<SampledLogprob>;
  dispose(): void;
}

/** What OpenAI says for a token out of reach; JSON has no infinity. */
const lowestLogprob = -9999;

export function createTokenRater({
  internals,
  tokenBytes,
}: Pick<LlamaSamplerDeps, 'internals' | 'tokenBytes'>): TokenRater {
  const sampler: AddonSampler = new internals.bindings.AddonSampler(internals.model);
  sampler.applyConfig({ temperature: 0 });
  return {
    async rate(logitIndex, token, top) {
      const wanted = [[token], false, false, false, Math.max(1, top)] as const;
      const [, , , pairs, total] = await internals.context.sampleToken(
        logitIndex,
        sampler,
        false,
        false,
        wanted,
        true,
      );
      const logits = new Map<number, number>();
      for (let index = 0; index + 1 < pairs.length; index += 2)
        logits.set(pairs[index] ?? -1, pairs[index + 1] ?? -Infinity);
      // `total` is the sum of exp(logit - largest logit).
      const logSum = Math.max(...logits.values()) + Math.log(total);
      const toLogprob = (id: number, logit: number) => ({
        token: id,
        bytes: tokenBytes(id),
        logprob: Math.max(lowestLogprob, Math.min(0, logit - logSum)),
      });
      const byProbability = [...logits].sort(([, a], [, b]) => b - a);
      return {
        ...toLogprob(token, logits.get(token) ?? -Infinity),
        top: byProbability.slice(0, top).map(([id, logit]) => toLogprob(id, logit)),
      };
    },
    dispose: () => sampler.dispose(),
  };
}
