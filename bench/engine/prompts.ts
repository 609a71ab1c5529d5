import { getLlama, LlamaLogLevel } from 'node-llama-cpp';

/** Prompts of an exact number of tokens; the same name gives the same prompt. */
export interface Prompts {
  toTokens(name: string, count: number): readonly number[];
  close(): Promise<void>;
}

const words = (
  'a about after all and any as at back because before between boat book bread bridge but by child city clear cold ' +
  'come could day door down early east every eye far few field find first fish for forest friend from garden give ' +
  'go good grass green had half hand have he hill horse house how if in into is island it just keep know lake land ' +
  'large last late leave letter life light like little long look made make many market may more morning mountain ' +
  'much must near never new night no north not now of off old on once one open or other our out over paper part ' +
  'people place plain rain red right river road room run same sea see she ship should side sky small snow so some ' +
  'song soon south stone story street summer sun table take tell than that the their then there they thing think ' +
  'this time to town train tree two under until up very voice walk wall want warm was water way we well west what ' +
  'when where which while white who wind window winter with wood word work world would write year yellow you young'
).split(' ');

/**
 * Loads the model's vocabulary and nothing else. Two prompts of different names differ from their first words on, so
 * that no cache of prefixes has anything of a prompt that was not sent before.
 */
export async function openPrompts(modelPath: string): Promise<Prompts> {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    progressLogs: false,
    maxThreads: 1,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath, vocabOnly: true });
  const { bos, shouldPrependBosToken } = model.tokens;
  const start: number[] = bos !== null && shouldPrependBosToken ? [bos] : [];

  return {
    toTokens: (name, count) => {
      const random = createRandom(name);
      let text = '';
      let tokens: number[] = [];
      while (tokens.length < count) {
        // Some words more than are missing: a word is a token or two.
        text += `${text === '' ? '' : ' '}${writeWords(random, count - tokens.length + 1)}`;
        tokens = [...start, ...model.tokenize(text)];
      }
      return tokens.slice(0, count);
    },
    close: async () => {
      await model.dispose();
      await llama.dispose();
    },
  };
}

function writeWords(random: () => number, count: number): string {
  return Array.from({ length: count }, () => words[Math.floor(random() * words.length)]).join(' ');
}

/** Numbers from 0 to 1, the same for the same name: FNV-1a for the seed, mulberry32 from there on. */
export function createRandom(name: string): () => number {
  let state = 0x811c9dc5;
  for (const character of name) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
