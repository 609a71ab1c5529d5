import { describe, expect, it } from 'vitest';
import { describeWrongKind, detectModelKind, type ModelTraits } from '../../../src/worker/modelKind.js';

const llama: ModelTraits = {
  architecture: 'llama',
  poolingType: undefined,
  causalAttention: undefined,
  hasClassifier: false,
};

describe('a model', () => {
  it.each([
    ['llama, as most files are', {}, 'generation'],
    ['llama that says it does not pool', { poolingType: 0 }, 'generation'],
    ['llama that leaves pooling open', { poolingType: -1 }, 'generation'],
    ['llama that pools the last token, as Qwen3-Embedding does', { poolingType: 3 }, 'embedding'],
    ['llama with a ranking head, as Qwen3-Reranker', { poolingType: 4, hasClassifier: true }, 'ranking'],
    ['llama whose attention looks ahead', { causalAttention: false }, 'embedding'],
    ['bert that pools the mean', { architecture: 'bert', poolingType: 1 }, 'embedding'],
    ['bert that pools the first token', { architecture: 'bert', poolingType: 2 }, 'embedding'],
    ['bert that ranks', { architecture: 'bert', poolingType: 4 }, 'ranking'],
    ['bert of an older file', { architecture: 'nomic-bert' }, 'embedding'],
    ['bert with a classifier of an older file', { architecture: 'bert', hasClassifier: true }, 'ranking'],
    ['bert that pools and has a classifier', { poolingType: 2, hasClassifier: true }, 'embedding'],
  ] as const)('%s', (_name, traits, kind) => {
    expect(detectModelKind({ ...llama, ...traits })).toBe(kind);
  });

  it('of the wrong kind is named with both kinds', () => {
    expect(describeWrongKind('m', 'embedding', 'generation')).toBe(
      "The model 'm' is an embedding model, not a chat model.",
    );
    expect(describeWrongKind('m', 'generation', 'ranking')).toBe(
      "The model 'm' is a chat model, not a reranking model.",
    );
  });
});
