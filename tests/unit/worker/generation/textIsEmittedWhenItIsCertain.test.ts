import { describe, expect, it } from 'vitest';
import { createOutputStream } from '../../../../src/worker/generation/outputStream.js';
import { createStopMatcher } from '../../../../src/worker/generation/stopMatcher.js';
import { createTokenText } from '../../../../src/worker/generation/tokenText.js';
import { createByteVocabulary } from './byteDetokenizer.js';

const vocabulary = createByteVocabulary();
const bytesOf = (text: string) => [...new TextEncoder().encode(text)];

interface Run {
  readonly deltas: readonly string[];
  readonly stoppedAt: number | undefined;
  /** Deltas and, where no stop text was met, the flush. */
  readonly text: string;
}

type Detokenize = (tokens: readonly number[], preceding: readonly number[]) => string;

/** Text of tokens without any syntax of a model in it. */
function createTextStream(stop: readonly string[], detokenize: Detokenize) {
  const tokenText = createTokenText({ detokenize, isControlToken: () => false }, []);
  const parser = { push: (text: string) => [{ type: 'text' as const, delta: text }], end: () => [] };
  const output = createOutputStream(tokenText, parser, createStopMatcher(stop));
  const join = (deltas: readonly { delta: string }[]) => deltas.map(({ delta }) => delta).join('');
  return {
    push: (token: number) => {
      const { deltas, stopped } = output.push(token);
      return { delta: join(deltas), stopped };
    },
    flush: () => join(output.flush()),
  };
}

/** Pushes tokens as the worker does: nothing after a stop text, a flush where there was none. */
function run(tokens: readonly number[], stop: readonly string[] = []): Run {
  const stream = createTextStream(stop, vocabulary.detokenize);
  const deltas: string[] = [];
  for (const [index, token] of tokens.entries()) {
    const { delta, stopped } = stream.push(token);
    deltas.push(delta);
    if (stopped) return { deltas, stoppedAt: index, text: deltas.join('') };
  }
  return { deltas, stoppedAt: undefined, text: deltas.join('') + stream.flush() };
}

const runTexts = (texts: readonly string[], stop: readonly string[] = []) =>
  run(
    texts.map((text) => vocabulary.tokenOfText(text)),
    stop,
  );

describe('text', () => {
  it('is emitted token by token', () => {
    expect(runTexts(['Hel', 'lo', ' ', 'you'])).toEqual({
      deltas: ['Hel', 'lo', ' ', 'you'],
      stoppedAt: undefined,
      text: 'Hello you',
    });
  });

  it.each(['é', '€', '🙂', 'a🙂b', '👩‍👩‍👧', '日本語'])('never has half a code point: %s', (text) => {
    const { deltas } = run(bytesOf(text));
    expect(deltas.join('')).toBe(text);
    expect(deltas.join('')).not.toContain('\uFFFD');
    expect(deltas.filter((delta) => delta !== '')).toEqual([...text]);
  });

  it('waits for the rest of a code point that begins behind other text', () => {
    const [first, second, third] = bytesOf('€') as [number, number, number];
    const tokens = [
      vocabulary.tokenOf([0x61, first]),
      vocabulary.tokenOf([second]),
      vocabulary.tokenOf([third, 0x62]),
    ];
    expect(run(tokens).deltas).toEqual(['', '', 'a€b']);
  });

  it('is right where every token ends one code point and begins the next', () => {
    const bytes = bytesOf('日本語日本語日本語日本語');
    const tokens = [vocabulary.tokenOf(bytes.slice(0, 1))];
    for (let at = 1; at < bytes.length; at += 3) tokens.push(vocabulary.tokenOf(bytes.slice(at, at + 3)));
    expect(run(tokens).text).toBe('日本語日本語日本語日本語');
  });

  it('that is broken is let through after as many tokens as a code point can have', () => {
    const { deltas } = run([0xff, 0xff, 0xff, 0xff, 0x61]);
    expect(deltas).toEqual(['', '', '', '\uFFFD\uFFFD\uFFFD\uFFFD', 'a']);
  });

  it('is let through at the latest when so much of it is broken that it never ends well', () => {
    const broken = vocabulary.tokenOf([0x61, 0xff]);
    const { deltas } = run(Array.from({ length: 200 }, () => broken));
    expect(deltas.filter((delta) => delta !== '')).toHaveLength(3);
  });

  it('that ends within a code point is flushed without it', () => {
    const stream = createTextStream([], vocabulary.detokenize);
    expect(stream.push(vocabulary.tokenOf([0x61, 0xe2])).delta).toBe('');
    expect(stream.push(0x82).delta).toBe('');
    expect(stream.flush()).toBe('a');
    expect(stream.flush()).toBe('');
  });

  it('is detokenized behind the last few tokens, which decide about spaces', () => {
    const seen: [number[], number[]][] = [];
    const stream = createTextStream([], (tokens, preceding) => {
      seen.push([[...tokens], [...preceding]]);
      return tokens.includes(3) && tokens.length < 2 ? '\uFFFD' : 'x';
    });
    for (const token of [1, 2, 3, 4, 5, 6, 7]) stream.push(token);
    expect(seen).toEqual([
      [[1], []],
      [[2], [1]],
      [[3], [1, 2]],
      [
        [3, 4],
        [1, 2],
      ],
      [[5], [1, 2, 3, 4]],
      [[6], [2, 3, 4, 5]],
      [[7], [3, 4, 5, 6]],
    ]);
  });

  it('may be nothing, as that of control tokens', () => {
    const stream = createTextStream(['stop'], () => '');
    expect(stream.push(1)).toEqual({ delta: '', stopped: false });
    expect(stream.flush()).toBe('');
  });
});

describe('a stop text', () => {
  it('ends the text before it, whatever follows in the token', () => {
    expect(runTexts(['one', ' END two', ' three'], ['END'])).toEqual({
      deltas: ['one', ' '],
      stoppedAt: 1,
      text: 'one ',
    });
  });

  it('is found where it is spread over tokens, and nothing of it is emitted', () => {
    const { deltas, stoppedAt } = runTexts(['a', '<', '/', 'en', 'd>', 'b'], ['</end>']);
    expect(deltas).toEqual(['a', '', '', '', '']);
    expect(stoppedAt).toBe(4);
  });

  it('is held back only as long as it may still come', () => {
    expect(runTexts(['a<', '/e', 'x', 'y'], ['</end>']).deltas).toEqual(['a', '', '</ex', 'y']);
  });

  it('that begins anew within its own beginning is found', () => {
    expect(runTexts(['aa', 'a', 'a', 'b', 'c'], ['aab'])).toMatchObject({ text: 'aa', stoppedAt: 3 });
    expect(runTexts(['aba', 'ba', 'c'], ['abac'])).toMatchObject({ text: 'ab', stoppedAt: 2 });
    expect(runTexts(['\n', '\n', '\n', 'x'], ['\n\nx'])).toMatchObject({ text: '\n', stoppedAt: 3 });
  });

  it('that is the earliest in the text wins, not the first of the list', () => {
    expect(runTexts(['one two three'], ['three', 'two']).text).toBe('one ');
    expect(runTexts(['xabc'], ['c', 'ab', 'abc']).text).toBe('x');
  });

  it('that is complete wins over a longer one that is not', () => {
    expect(runTexts(['xab', 'c', 'd'], ['abcd', 'c'])).toMatchObject({ text: 'xab', stoppedAt: 1 });
  });

  it('is held back by the longest of several beginnings', () => {
    expect(runTexts(['x', 'a', 'b'], ['abc', 'bd', 'q']).deltas).toEqual(['x', '', '']);
    expect(runTexts(['x', 'a', 'b', 'd'], ['abc', 'bd', 'q'])).toMatchObject({ text: 'xa', stoppedAt: 3 });
  });

  it.each([
    [['xab', 'cd'], ['cd', 'bc'], 'bc'],
    [['xabc'], ['ab', 'abc'], 'ab'],
    [['xa', 'b'], ['q', 'ab'], 'ab'],
    [['xab', 'q'], ['abc'], undefined],
  ])('of %j names which of %j it met: %s', (texts, stop, matched) => {
    const matcher = createStopMatcher(stop);
    for (const text of texts) if (matcher.push(text).stopped) break;
    matcher.flush();
    expect(matcher.matched).toBe(matched);
  });

  it('may be of bytes that are spread over tokens', () => {
    expect(run(bytesOf('a🙂b'), ['🙂'])).toMatchObject({ text: 'a', stoppedAt: 4 });
    expect(run(bytesOf('a🙃b'), ['🙂'])).toMatchObject({ text: 'a🙃b', stoppedAt: undefined });
  });

  it('of one character is never emitted', () => {
    expect(runTexts(['a', '\n', 'b'], ['\n'])).toEqual({ deltas: ['a', ''], stoppedAt: 1, text: 'a' });
  });

  it('that only began at the end of the generation is flushed', () => {
    const { deltas, text } = runTexts(['a', '</', 'en'], ['</end>']);
    expect(deltas).toEqual(['a', '', '']);
    expect(text).toBe('a</en');
  });

  it('leaves nothing to flush', () => {
    const stream = createTextStream(['bc'], vocabulary.detokenize);
    stream.push(vocabulary.tokenOfText('ab'));
    expect(stream.push(vocabulary.tokenOfText('cd'))).toEqual({ delta: '', stopped: true });
    expect(stream.flush()).toBe('');
  });
});

describe('for random tokens and stop texts', () => {
  /** Mulberry32: the same numbers in every run. */
  function createRandom(seed: number) {
    let state = seed;
    return (below: number) => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    };
  }

  function createCase(seed: number) {
    const random = createRandom(seed);
    const alphabet = seed % 2 === 0 ? ['a', 'b'] : ['a', 'b', 'é', '€', '🙂'];
    const randomText = (length: number) =>
      Array.from({ length }, () => alphabet[random(alphabet.length)] ?? '').join('');
    const bytes = bytesOf(randomText(1 + random(40)));
    const tokens: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = 1 + random(4);
      tokens.push(vocabulary.tokenOf(bytes.slice(at, at + length)));
      at += length;
    }
    const stop = Array.from({ length: random(4) }, () => randomText(1 + random(5)));
    return { tokens, stop };
  }

  /** What should come out: the text so far is looked at whenever it ends with a whole code point. */
  function expected({ tokens, stop }: ReturnType<typeof createCase>): { text: string; stoppedAt?: number } {
    for (const index of tokens.keys()) {
      const text = vocabulary.detokenize(tokens.slice(0, index + 1));
      if (text.endsWith('\uFFFD')) continue;
      const found = stop.map((stopText) => text.indexOf(stopText)).filter((at) => at >= 0);
      if (found.length > 0) return { text: text.slice(0, Math.min(...found)), stoppedAt: index };
    }
    return { text: vocabulary.detokenize(tokens) };
  }

  const cases = Array.from({ length: 3_000 }, (_, seed) => createCase(seed));

  it('the text is what stands before the first stop text', () => {
    let stopped = 0;
    for (const example of cases) {
      const result = run(example.tokens, example.stop);
      const { text, stoppedAt } = expected(example);
      expect([result.text, result.stoppedAt], JSON.stringify(example)).toEqual([text, stoppedAt]);
      if (stoppedAt !== undefined) stopped++;
    }
    // Both ways of ending are common, or the cases would prove little.
    expect(stopped).toBeGreaterThan(500);
    expect(stopped).toBeLessThan(2_500);
  });

  it('nothing was emitted that the next token could make part of a stop text', () => {
    let completed = 0;
    for (const { tokens, stop } of cases.slice(0, 1_000)) {
      const { stoppedAt } = run(tokens, stop);
      for (const index of tokens.slice(0, stoppedAt).keys()) {
        const before = tokens.slice(0, index + 1);
        const text = vocabulary.detokenize(before);
        for (const stopText of stop) {
          for (let length = 1; length < stopText.length; length++) {
            if (!text.endsWith(stopText.slice(0, length))) continue;
            const example = { tokens: [...before, vocabulary.tokenOfText(stopText.slice(length))], stop };
            expect(run(example.tokens, stop).text, JSON.stringify(example)).toBe(expected(example).text);
            completed++;
          }
        }
      }
    }
    expect(completed).toBeGreaterThan(1_000);
  });

  it('the deltas depend on the tokens alone, so that a resumed stream goes on where it was', () => {
    for (const { tokens, stop } of cases.slice(0, 500)) {
      const whole = run(tokens, stop);
      const last = whole.stoppedAt ?? tokens.length - 1;
      for (let resumed = 0; resumed <= last; resumed++) {
        const stream = createTextStream(stop, vocabulary.detokenize);
        for (const token of tokens.slice(0, resumed)) stream.push(token);
        const rest = tokens.slice(resumed, last + 1).map((token) => stream.push(token).delta);
        expect(rest).toEqual(whole.deltas.slice(resumed));
      }
    }
  });
});
