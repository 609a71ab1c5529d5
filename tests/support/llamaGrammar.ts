import { getLlama } from 'node-llama-cpp';

/** llama.cpp's own view of a grammar. */
export interface LlamaGrammarCheck {
  /** Throws where llama.cpp cannot use the grammar. */
  accepts(gbnf: string, text: string): boolean;
  /** Milliseconds that llama.cpp takes to read a grammar, as at the start of each request. */
  initMs(gbnf: string): number;
}

/** The part of node-llama-cpp's private grammar class that tests use. */
interface NativeGrammar {
  _testText(text: string): boolean;
}

/** Loads llama.cpp without a model. */
export async function loadLlamaGrammar(): Promise<LlamaGrammarCheck> {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: 1,
    progressLogs: false,
  });
  const { LlamaGrammar } = await import('node-llama-cpp');
  const cache = new Map<string, NativeGrammar>();

  function create(gbnf: string): NativeGrammar {
    // The private constructor takes what `llama.createGrammar` does, but is synchronous, as properties want.
    return new LlamaGrammar(llama, { grammar: gbnf }) as unknown as NativeGrammar;
  }

  return {
    accepts(gbnf, text) {
      const grammar = cache.get(gbnf) ?? create(gbnf);
      if (cache.size > 100) cache.clear();
      cache.set(gbnf, grammar);
      return grammar._testText(text);
    },
    initMs(gbnf) {
      const start = performance.now();
      create(gbnf);
      return performance.now() - start;
    },
  };
}
