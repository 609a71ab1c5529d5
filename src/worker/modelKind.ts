import type { ModelKind } from '../protocol/workerApi.js';

/** What a GGUF says of itself, as far as it tells what the model is for. */
export interface ModelTraits {
  readonly architecture: string;
  /** llama.cpp's `llama_pooling_type`: how a text's tokens become one vector. */
  readonly poolingType: number | undefined;
  /** Whether a token sees only those before it; undefined where the file does not say. */
  readonly causalAttention: boolean | undefined;
  /** Has the tensors of a classifier, which rerankers end in. */
  readonly hasClassifier: boolean;
}

const poolingNone = 0;
const poolingRank = 4;

/** Models that llama.cpp runs for their vectors alone. */
const encoderArchitectures: ReadonlySet<string> = new Set([
  'bert',
  'eurobert',
  'gemma-embedding',
  'jina-bert-v2',
  'jina-bert-v3',
  'modern-bert',
  'neo-bert',
  'nomic-bert',
  'nomic-bert-moe',
  't5encoder',
]);

/**
 * What a model is for. The pooling type decides where there is one; older files lack it, and their architecture, or
 * attention that looks ahead, tells.
 */
export function detectModelKind(traits: ModelTraits): ModelKind {
  const { architecture, poolingType, causalAttention, hasClassifier } = traits;
  if (poolingType === poolingRank) return 'ranking';
  const isPooled = poolingType !== undefined && poolingType > poolingNone;
  if (isPooled) return 'embedding';
  const isEncoder = encoderArchitectures.has(architecture) || causalAttention === false;
  if (!isEncoder) return 'generation';
  return hasClassifier ? 'ranking' : 'embedding';
}

const nouns: Readonly<Record<ModelKind, string>> = {
  generation: 'a chat model',
  embedding: 'an embedding model',
  ranking: 'a reranking model',
};

/** What a client reads who asks a model for what it is not made for. */
export function describeWrongKind(model: string, kind: ModelKind, wanted: ModelKind): string {
  return `The model '${model}' is ${nouns[kind]}, not ${nouns[wanted]}.`;
}
