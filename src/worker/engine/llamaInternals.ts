import type { Llama, LlamaContext, LlamaModel } from 'node-llama-cpp';

/**
 * Every internal of node-llama-cpp that the worker uses, and nothing else of it: its public sequences have a batch
 * queue of their own that orders tokens by arrival and wakes each request on its own, where a scheduler wants its
 * own batches in its own order, and grammars and random numbers that can be resumed. The version is pinned, and
 * `llamaInternals.test.ts` names each of them.
 */

/** `bindings/AddonTypes.d.ts` of node-llama-cpp 3.22.1, as far as it is used here. */
export interface AddonContext {
  initBatch(tokens: number): void;
  addToBatch(
    sequenceId: number,
    firstPosition: number,
    tokens: Uint32Array,
    logitIndexes: Uint32Array,
  ): Uint32Array;
  decodeBatch(): Promise<void>;
  sampleToken(logitIndex: number, sampler: AddonSampler): Promise<number>;
  sampleToken(
    logitIndex: number,
    sampler: AddonSampler,
    probabilities: false,
    confidence: false,
    logits: readonly [tokens: readonly number[], max: false, min: false, selected: false, top: number],
    totalLogitWeight: true,
  ): Promise<
    [token: number, probabilities: undefined, confidence: undefined, logits: number[], total: number]
  >;
  disposeSequence(sequenceId: number): void;
  removeTokenCellsFromSequence(sequenceId: number, start: number, end: number): boolean;
  copySequenceStateFromOtherSequence(target: number, source: number): Promise<number>;
  saveSequenceStateToFile(file: string, sequenceId: number, tokens: Uint32Array): Promise<number>;
  loadSequenceStateFromFile(file: string, sequenceId: number, maxTokens: number): Promise<Uint32Array>;
  setThreads(threads: number): void;
  /** Of sequence 0, from the batch that was decoded last: its first numbers, or all of them (0). */
  getEmbedding(inputTokens: number, maxNumbers: number): Float64Array;
}
export interface AddonSampler {
  applyConfig(config: Record<string, unknown>): void;
  dispose(): void;
}
export interface AddonModel {
  getTokenString(token: number): string;
}
export interface AddonBindings {
  readonly AddonSampler: {
    new (model: AddonModel): AddonSampler;
    acceptGrammarEvaluationStateToken(state: object, token: number): void;
    canBeNextTokenForGrammarEvaluationState(state: object, token: number): boolean;
  };
  readonly AddonGrammar: new (gbnf: string, options: object) => object;
  readonly AddonGrammarEvaluationState: new (model: AddonModel, grammar: object) => object;
}

export interface LlamaInternals {
  readonly context: AddonContext;
  readonly model: AddonModel;
  readonly bindings: AddonBindings;
}

export function internalsOf(llama: Llama, model: LlamaModel, context: LlamaContext): LlamaInternals {
  return {
    context: (context as unknown as { _ctx: AddonContext })._ctx,
    model: (model as unknown as { _model: AddonModel })._model,
    bindings: (llama as unknown as { _bindings: AddonBindings })._bindings,
  };
}

/** A context that pools each input into one vector or score. An input has to fit into one batch, or the process ends. */
export function createPoolingContext(
  model: LlamaModel,
  options: { readonly contextTokens: number; readonly threads: number; readonly ranking: boolean },
): Promise<LlamaContext> {
  const { contextTokens, threads, ranking } = options;
  return model.createContext({
    sequences: 1,
    contextSize: contextTokens,
    batchSize: contextTokens,
    threads,
    ...{ _embeddings: true, _ranking: ranking },
  });
}
