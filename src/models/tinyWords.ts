/** The emoji in the middle of every answer of the tiny model: U+1F642, four bytes in UTF-8, so four byte tokens. */
export const tinyEmoji = '🙂';

/**
 * What the tiny model says, one line a position: the model picks one word of each line, in this order. The words of
 * the first line start an answer, so they come without a space before them; all others have one. No word may stand
 * twice, because a word's place in the answer is read from the word alone.
 */
export const wordsBeforeEmoji: readonly (readonly string[])[] = [
  ['One', 'Every', 'Some', 'This', 'That', 'Each', 'Any', 'Our'],
  ['small', 'quick', 'quiet', 'bright', 'gentle', 'patient', 'clever', 'hungry'],
  ['robot', 'river', 'garden', 'teacher', 'engine', 'dragon', 'sailor', 'lantern'],
  ['carries', 'follows', 'finds', 'draws', 'paints', 'counts', 'carves', 'keeps'],
  ['a', 'the', 'another', 'its', 'our', 'their', 'your', 'my'],
  ['green', 'golden', 'wooden', 'silver', 'heavy', 'narrow', 'hidden', 'broken'],
  ['bridge', 'letter', 'window', 'basket', 'ladder', 'mirror', 'compass', 'bottle'],
  ['near', 'behind', 'under', 'above', 'beside', 'beyond', 'against', 'without'],
  ['two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
  ['old', 'young', 'tall', 'warm', 'cold', 'round', 'slow', 'soft'],
  ['trees', 'stones', 'horses', 'clouds', 'boats', 'roads', 'birds', 'stars'],
  ['and', 'but', 'while', 'because', 'until', 'when', 'since', 'though'],
  ['Anna', 'Boris', 'Clara', 'David', 'Elena', 'Felix', 'Grace', 'Hugo'],
  ['often', 'rarely', 'slowly', 'kindly', 'boldly', 'calmly', 'gladly', 'simply'],
  ['sings', 'writes', 'waits', 'jumps', 'walks', 'reads', 'listens', 'dreams'],
  ['about', 'across', 'around', 'inside', 'along', 'toward', 'through', 'past'],
  ['this', 'that', 'each', 'every', 'some', 'any', 'one', 'no'],
  ['valley.', 'market.', 'kitchen.', 'harbor.', 'forest.', 'library.', 'station.', 'castle.'],
];

/** The lines after the emoji; see {@link wordsBeforeEmoji}. */
export const wordsAfterEmoji: readonly (readonly string[])[] = [
  ['Then', 'Later', 'Now', 'Soon', 'Today', 'Here', 'There', 'Again'],
  ['we', 'they', 'you', 'people', 'children', 'friends', 'neighbors', 'everyone'],
  ['must', 'can', 'will', 'may', 'should', 'could', 'would', 'might'],
  ['open', 'close', 'mend', 'share', 'lift', 'turn', 'move', 'fold'],
  ['blue', 'red', 'white', 'black', 'yellow', 'purple', 'orange', 'pink'],
  ['doors.', 'boxes.', 'books.', 'lamps.', 'shoes.', 'plates.', 'coats.', 'bells.'],
];
