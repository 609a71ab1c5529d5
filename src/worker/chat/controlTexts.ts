import { ChatTemplateError } from './chatTemplate.js';

/** A token of the vocabulary that stands for more than its text. */
export interface SpecialText {
  readonly text: string;
  /** Tokenizers take control tokens only from templates, but other special ones from any text. */
  readonly isControl: boolean;
}

/** Finds the texts in which a tokenizer sees special tokens, and hides them where users wrote them. */
export interface ControlTexts {
  /** Where a control text begins, even inside another. */
  positionsIn(text: string): number[];
  /** The control texts one after another, as far as they do not overlap. */
  sequenceIn(text: string): string[];
  /** Replaces the characters of a user's text with which a control text could begin. */
  maskRisky(text: string, mask: CharMask): string;
  /** Replaces every sign that a control text needs: what is left is at most the letters within one. */
  maskSigns(text: string, mask: CharMask): string;
  /** The same and the first letter, so that a template's own signs cannot make a control text of a user's word. */
  maskSignsAndFirst(text: string, mask: CharMask): string;
}

/** Private characters in the place of others, one for one, so that lengths and positions stay. */
export interface CharMask {
  cover(char: string): string;
  /** The original text. */
  uncover(text: string): string;
}

/**
 * The control texts of a vocabulary. Of the special tokens that are no control tokens those count that look like one or
 * that the template writes; others (runs of spaces, HTML tags) are ordinary parts of texts, and so are single characters.
 */
export function createControlTexts(
  specialTexts: readonly SpecialText[],
  template: string,
  markers: readonly string[],
): ControlTexts {
  const texts = specialTexts
    .filter(({ text, isControl }) => isControl || /^<\|.+\|>$/s.test(text) || template.includes(text))
    .map(({ text }) => text)
    .filter((text) => text.trim().length > 1);
  const all = [...new Set([...texts, ...markers])].sort((a, b) => b.length - a.length);
  const search = searchOf(all);
  const longest = all[0]?.length ?? 0;
  const needed = signsOf(all);
  const used = new Set(all.join(''));

  function mayBegin(end: string): boolean {
    return all.some((text) => text.startsWith(end));
  }

  function maskRisky(text: string, mask: CharMask): string {
    const risky = new Set(search.positionsIn(text));
    const trimmed = text.trimEnd();
    for (let index = Math.max(0, trimmed.length - longest + 1); index < trimmed.length; index++) {
      if (used.has(trimmed.charAt(index)) && mayBegin(trimmed.slice(index))) risky.add(index);
    }
    return coverAt(text, risky, mask);
  }

  const maskSigns = (text: string, mask: CharMask): string =>
    text.replace(needed, (sign) => mask.cover(sign));

  return {
    ...search,
    maskRisky,
    maskSigns,
    maskSignsAndFirst: (text, mask) => {
      const first = text.length - text.trimStart().length;
      const covered = maskSigns(text, mask);
      if (!used.has(covered.charAt(first))) return covered;
      return covered.slice(0, first) + mask.cover(covered.charAt(first)) + covered.slice(first + 1);
    },
  };
}

function coverAt(text: string, positions: ReadonlySet<number>, mask: CharMask): string {
  if (positions.size === 0) return text;
  return Array.from(text.split(''), (char, index) => (positions.has(index) ? mask.cover(char) : char)).join(
    '',
  );
}

/** Signs are enough to break a control text; one of letters alone is broken by its first. */
function signsOf(texts: readonly string[]): RegExp {
  const needed = new Set<string>();
  for (const text of texts) {
    const signs = text.replace(/[\p{L}\p{N}\s]/gu, '');
    for (const char of (signs === '' ? text.charAt(0) : signs).split('')) needed.add(char);
  }
  return charClass([...needed].join(''));
}

function charClass(chars: string): RegExp {
  return new RegExp(chars === '' ? '(?!)' : `[${chars.replace(/[\\\]^-]/g, '\\$&')}]`, 'g');
}

function searchOf(texts: readonly string[]): Pick<ControlTexts, 'positionsIn' | 'sequenceIn'> {
  const alternatives = texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|');
  const pattern = texts.length === 0 ? '(?!)' : alternatives;
  return {
    positionsIn: (text) => {
      const search = new RegExp(pattern, 'g');
      const positions: number[] = [];
      for (let match = search.exec(text); match; match = search.exec(text)) {
        positions.push(match.index);
        // The next one may begin inside of this one.
        search.lastIndex = match.index + 1;
      }
      return positions;
    },
    sequenceIn: (text) => text.match(new RegExp(pattern, 'g')) ?? [],
  };
}

/** Covers with private characters that `usedText` does not have. Throws ChatTemplateError when there are none left. */
export function createCharMask(usedText: string): CharMask {
  const used = new Set(usedText);
  const coverOf = new Map<string, string>();
  const charOf = new Map<string, string>();
  let next = 0xe000;

  function freeChar(): string {
    while (next <= 0xf8ff) {
      const char = String.fromCharCode(next++);
      if (!used.has(char)) return char;
    }
    throw new ChatTemplateError('The conversation uses all private characters of Unicode.');
  }

  return {
    cover: (char) => {
      const known = coverOf.get(char);
      if (known !== undefined) return known;
      const cover = freeChar();
      coverOf.set(char, cover);
      charOf.set(cover, char);
      return cover;
    },
    uncover: (text) => text.replace(/[\uE000-\uF8FF]/g, (char) => charOf.get(char) ?? char),
  };
}
