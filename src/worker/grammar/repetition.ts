import type { GrammarBuilder } from './grammarBuilder.js';

/** A JavaScript string cannot be longer, so such a limit cannot be exceeded. */
const longestText = 2 ** 29;
/** Up to so many are left to llama.cpp, which refuses more than 2,000 and makes a rule of each optional one. */
const directTimes = 64;

/**
 * GBNF: `item`, the name of a rule or a character class, from `min` to `max` times. `item` must not match the empty text,
 * and what follows must not begin as `item` does. Large counts are made of blocks, so that 100,000 take some 700 rules
 * where llama.cpp's `{0,n}` would take a rule each (and above 2,000 silently becomes `*`).
 */
export function repetition(builder: GrammarBuilder, item: string, min: number, max = Infinity): string {
  const parts = [exactly(builder, item, min)];
  if (max >= longestText) parts.push(`${item}*`);
  else if (max > min) parts.push(atMost(builder, item, max - min));
  return parts.filter((part) => part !== '').join(' ') || '""';
}

function exactly(builder: GrammarBuilder, item: string, times: number): string {
  if (times === 0) return '';
  if (times === 1) return item;
  if (times <= directTimes) return `${item}{${times}}`;
  const block = builder.rule('block', `${item}{${directTimes}}`);
  const rest = exactly(builder, item, times % directTimes);
  return `${exactly(builder, block, Math.floor(times / directTimes))} ${rest}`.trim();
}

/**
 * `blocks(i) ::= block blocks(i-1) | fewer than a block`: at any time one stack is within a block and one within the
 * last, incomplete one.
 */
function atMost(builder: GrammarBuilder, item: string, times: number): string {
  if (times <= directTimes) return builder.rule('up-to', `${item}{0,${times}}`);
  const blockSize = Math.ceil(times <= 1_000_000 ? Math.sqrt(times) : times ** (2 / 3));
  const block = builder.rule('block', exactly(builder, item, blockSize));
  const partial = atMost(builder, item, blockSize - 1);
  const left = times % blockSize;
  let name = left === 0 ? builder.rule('none', '""') : atMost(builder, item, left);
  for (let blocks = 0; blocks < Math.floor(times / blockSize); blocks++) {
    name = builder.rule('up-to', `${block} ${name} | ${partial}`);
  }
  return name;
}
