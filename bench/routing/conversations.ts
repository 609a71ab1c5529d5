import { createRandom, exponential } from './random.js';

/** A piece of a conversation: always in one piece, so that two prompts part where one of them has another piece. */
export interface Segment {
  readonly id: string;
  readonly role: 'system' | 'user' | 'assistant';
  readonly tokens: number;
}

/** What a chat template puts around a message. */
export const templateTokens = 5;

export interface Conversation {
  /** What all conversations of its group begin with; undefined where there is nothing. */
  readonly system: Segment | undefined;
  readonly turns: readonly {
    readonly question: Segment;
    readonly answerTokens: number;
    /** Before the question is sent. */
    readonly thinkMs: number;
  }[];
}

/**
 * How much of a prompt was in some prompt before it, in per cent, and the conversations that have it so: turns, tokens
 * of a question with the answer before it, and of the system prompt. A prompt has 800 tokens in the mean in all.
 */
export const prefixShares = {
  0: { turns: 1, freshTokens: 800, systemTokens: 0 },
  25: { turns: 1, freshTokens: 600, systemTokens: 200 },
  50: { turns: 2, freshTokens: 400, systemTokens: 200 },
  75: { turns: 4, freshTokens: 200, systemTokens: 300 },
  95: { turns: 8, freshTokens: 80, systemTokens: 440 },
} as const;
export type PrefixShare = keyof typeof prefixShares;

/** System prompts, the first one being the most popular by far. */
const groups = 6;
const answerTokens = 40;

/** An endless supply: each caller's conversations follow from the seed and its number alone. */
export function* conversationsOf(
  share: PrefixShare,
  seed: number,
  caller: number,
  meanThinkMs: number,
): Generator<Conversation, never> {
  const random = createRandom(seed * 7919 + caller);
  const { turns, freshTokens, systemTokens } = prefixShares[share];
  const around = (mean: number) => Math.max(1, Math.round(mean * (0.5 + random())));
  for (let number = 0; ; number++) {
    const group = Math.floor(groups * random() ** 2);
    const name = `${seed}.${caller}.${number}`;
    yield {
      system:
        systemTokens > 0
          ? { id: `system ${seed}.${group}`, role: 'system', tokens: systemTokens }
          : undefined,
      turns: Array.from({ length: turns }, (_, turn) => ({
        question: {
          id: `question ${name}.${turn}`,
          role: 'user',
          tokens: around(turn === 0 ? freshTokens : Math.max(20, freshTokens - answerTokens)),
        },
        answerTokens: around(answerTokens),
        thinkMs: exponential(random, meanThinkMs),
      })),
    };
  }
}

/** Short words that are a token each in most vocabularies. */
const words = (
  'the of and to in is that it was for on are as with his they at be this from have or by one had not but what ' +
  'all were when we there can an your which their said if do will each about how up out them then she many some so ' +
  'these would other into has more her two like him see time could no make than first been its who now people my ' +
  'made over did down only way find use may water long little very after called just where most know'
).split(' ');

/** As many words as tokens, the same for the same segment. */
export function textOf({ id, tokens }: Segment): string {
  const seed = [...id].reduce((hash, char) => (Math.imul(hash, 31) + char.charCodeAt(0)) | 0, 7);
  const random = createRandom(seed);
  return Array.from({ length: tokens }, () => words[Math.floor(random() * words.length)]).join(' ');
}
