import { LlamaVocabularyType } from 'node-llama-cpp';
import type { Llama, LlamaContext, LlamaModel, Token } from 'node-llama-cpp';
import { listSpecialTexts } from './llamaVocabulary.js';
import { internalsOf } from './llamaInternals.js';
import { createMutex } from './mutex.js';
import type { PoolingEngine } from './poolingEngine.js';
import { createPoolingInput, type TextBounds } from '../pooling/poolingInput.js';
import { toTokenBytes } from './tokenBytes.js';

export interface LlamaPoolingEngineParts {
  readonly llama: Llama;
  readonly model: LlamaModel;
  /** Made by `createPoolingContext`: its batch takes a whole input. */
  readonly context: LlamaContext;
  readonly threads: number;
  readonly facts: Pick<
    PoolingEngine,
    | 'kind'
    | 'modelId'
    | 'contextTokens'
    | 'loadSeconds'
    | 'memoryBytes'
    | 'sizeBytes'
    | 'layers'
    | 'fingerprint'
  >;
  /** Runs `work` while no other model of this process computes. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * A model's vectors and scores from llama.cpp, one input a batch: node-llama-cpp reads the vector of sequence 0 only.
 * The library's own embedding and ranking contexts are not used: they wait for their batch queue instead of our
 * mutex, and bound the texts of XLM-R and pairs of texts otherwise than the models were trained.
 */
export function createLlamaPoolingEngine(parts: LlamaPoolingEngineParts): PoolingEngine {
  const { model, context, exclusively } = parts;
  const { context: addon, model: addonModel } = internalsOf(parts.llama, model, context);
  const { metadata } = model.fileInfo;
  const vocabularySize = metadata.tokenizer?.ggml.tokens.length ?? 0;
  const isWordPiece = model.vocabularyType === LlamaVocabularyType.wpm;
  const spelling = model.vocabularyType === LlamaVocabularyType.bpe ? 'byte-level' : 'sentence-piece';
  const tokenize = (text: string, { special }: { special: boolean }): number[] =>
    model.tokenize(text, special);
  const input = createPoolingInput({
    bounds: boundsOf(model, isWordPiece),
    tokenize,
    rankTemplate: metadata.tokenizer?.['chat_template.rerank'],
    specialTexts: listSpecialTexts(model),
  });
  // Of many waiting inputs only one stands in the queue for the processor, so that other models wait for one at most.
  const inTurn = createMutex();
  addon.setThreads(parts.threads);

  /** The first `length` numbers of what the model makes of the tokens; 0: all of them. */
  function pool(tokens: readonly number[], length: number): Promise<Float64Array> {
    if (tokens.length === 0 || tokens.length > parts.facts.contextTokens)
      throw new RangeError(`an input of ${tokens.length} tokens does not fit the context`);
    return inTurn(() =>
      exclusively(async () => {
        addon.disposeSequence(0);
        addon.initBatch(tokens.length);
        addon.addToBatch(0, 0, Uint32Array.from(tokens), Uint32Array.from(tokens.keys()));
        await addon.decodeBatch();
        return addon.getEmbedding(tokens.length, length);
      }),
    );
  }

  return {
    ...parts.facts,
    dimensions: model.embeddingVectorSize,
    vocabularySize,
    ...input,
    embed: (tokens) => pool(tokens, 0),
    rank: async (tokens) => {
      const [logit = 0] = await pool(tokens, 1);
      // llama.cpp ends Qwen3's graphs in a softmax, all others in a logit (`llm_graph_context::build_pooling`).
      return /^qwen3(vl)?$/.test(metadata.general.architecture) ? logit : 1 / (1 + Math.exp(-logit));
    },
    tokenize,
    detokenize: (tokens, preceding, options) =>
      model.detokenize(tokens as Token[], options?.special ?? false, preceding as Token[]),
    tokenBytes: (token) => toTokenBytes(addonModel.getTokenString(token), spelling).toString('base64'),
    // A context that is freed while it computes takes the process with it.
    dispose: () =>
      exclusively(async () => {
        await context.dispose();
        await model.dispose();
      }),
  };
}

function boundsOf(model: LlamaModel, isWordPiece: boolean): TextBounds {
  const { tokens, fileInfo } = model;
  // Not among the library's types.
  const ggml = fileInfo.metadata.tokenizer?.ggml as { readonly add_sep_token?: boolean } | undefined;
  return {
    isWordPiece,
    begin: tokens.bos,
    end: tokens.eos,
    separator: tokens.sep,
    addBegin: tokens.shouldPrependBosToken,
    addEnd: tokens.shouldAppendEosToken,
    addSeparator: ggml?.add_sep_token ?? false,
  };
}
