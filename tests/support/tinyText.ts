import { tinyEmoji, wordsAfterEmoji, wordsBeforeEmoji } from '../../src/models/tinyWords.js';

const placeOf = new Map(
  [...wordsBeforeEmoji, ...wordsAfterEmoji].flatMap((words, place) => words.map((word) => [word, place])),
);
const places = wordsBeforeEmoji.length + wordsAfterEmoji.length;

/**
 * Where the text of the tiny model has a token twice or misses one: each of its words tells its place in the round.
 * Unlike a comparison of texts, this holds whichever of two nearly equal words rounding lets win.
 *
 * @returns the breaks, as the words around them; empty for a text that is whole
 */
export function findBreaks(text: string): string[] {
  const words = text.replaceAll(tinyEmoji, ` ${tinyEmoji} `).split(/\s+/).filter(Boolean);
  const breaks: string[] = [];
  let expected = 0;
  for (const [index, word] of words.entries()) {
    const isEmojiPlace = words[index - 1]?.endsWith('.') === true && expected === wordsBeforeEmoji.length;
    if (isEmojiPlace && word === tinyEmoji) continue;
    const around = words.slice(Math.max(0, index - 2), index + 2).join(' ');
    if (isEmojiPlace && words[index - 1] !== tinyEmoji) breaks.push(around);
    if (placeOf.get(word) !== expected) breaks.push(around);
    expected = ((placeOf.get(word) ?? expected) + 1) % places;
  }
  return breaks;
}
