import { GgufInsights, readGgufFileInfo } from 'node-llama-cpp';
import type { GgufFileInfo, Llama } from 'node-llama-cpp';
import type { ModelKind } from '../../protocol/workerApi.js';
import type { MemoryNeed } from './memoryNeed.js';
import { detectModelKind } from '../modelKind.js';

/** What is known of a model before it is loaded. */
export interface ModelFile {
  readonly kind: ModelKind;
  /** The longest text that the model was made for; encoders have no more positions than that. */
  readonly trainContextTokens: number | undefined;
  /** RAM that the loaded model will take; undefined where the library chooses what goes to a GPU. */
  estimateMemory(shape: LoadShape): Promise<MemoryNeed | undefined>;
}

export interface LoadShape {
  readonly slots: number;
  readonly contextTokens: number;
  readonly gpuLayers: number | undefined;
}

/** Reads the header of a GGUF. */
export async function readModelFile(llama: Llama, modelPath: string): Promise<ModelFile> {
  const info = await readGgufFileInfo(modelPath, { sourceType: 'filesystem', logWarnings: false });
  const kind = detectModelKind({
    architecture: info.metadata.general.architecture,
    poolingType: info.architectureMetadata.pooling_type,
    causalAttention: info.architectureMetadata.attention?.causal,
    hasClassifier: (info.fullTensorInfo ?? []).some(({ name }) => /^cls(\.output)?\.weight$/.test(name)),
  });
  return {
    kind,
    trainContextTokens: info.architectureMetadata.context_length,
    estimateMemory: (shape) => estimateMemory(llama, info, kind, shape),
  };
}

/** llama.cpp plans the model without allocating it, so the figures are its own. */
async function estimateMemory(
  llama: Llama,
  info: GgufFileInfo,
  kind: ModelKind,
  { slots, contextTokens, gpuLayers: wantedLayers }: LoadShape,
): Promise<MemoryNeed | undefined> {
  const gpuLayers = llama.gpu === false ? 0 : wantedLayers;
  if (gpuLayers === undefined) return undefined;
  const insights = await GgufInsights.from(info, llama);
  const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers });
  if (kind === 'generation') {
    const context = await insights.estimateContextResourceRequirementsV2({
      contextSize: contextTokens,
      modelGpuLayers: gpuLayers,
      sequences: slots,
      swaFullCache: true,
    });
    return { weightsBytes: weights.cpuRam, contextBytes: context.cpuRam, slots, contextTokens };
  }
  const context = await insights.estimateContextResourceRequirementsV2({
    contextSize: contextTokens,
    batchSize: contextTokens,
    modelGpuLayers: gpuLayers,
    sequences: 1,
    isEmbeddingContext: true,
  });
  // Made for the first long input (`llama_context::output_reserve`): logits of each token, though nobody wants them.
  const vocabularySize = info.metadata.tokenizer?.ggml.tokens.length ?? 0;
  const outputBytes = vocabularySize * contextTokens * Float32Array.BYTES_PER_ELEMENT;
  return {
    weightsBytes: weights.cpuRam,
    contextBytes: context.cpuRam + outputBytes,
    slots: 1,
    contextTokens,
  };
}
