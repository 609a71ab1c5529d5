import { matchMarker } from './markerMatch.js';
import { isJsonSpace, tryParseJson, type JsonProgress } from './jsonScanner.js';

/** Gemma's quotation mark: one token. */
export const gemmaQuote = '<|"|>';

type State = 'value' | 'key' | 'string' | 'jsonString' | 'escape' | 'scalar' | 'behind';

/**
 * Turns Gemma's notation of values, `{city:<|"|>Paris<|"|>,days:2}`, into JSON while it comes in. Parts that are JSON
 * already stay as they are.
 */
export function createGemmaNotationReader(write: (json: string) => void): {
  push(char: string): JsonProgress;
} {
  const open: string[] = [];
  let state: State = 'value';
  /** What is not yet understood: a quotation mark, a key, a number. */
  let held = '';
  let needsComma = false;

  function begin(text: string): void {
    write(needsComma ? `, ${text}` : text);
    needsComma = false;
  }

  function next(to: State): JsonProgress {
    state = to;
    held = '';
    return 'more';
  }

  function close(char: string): JsonProgress {
    if (open.pop() !== char) return 'broken';
    needsComma = false;
    write(char);
    return open.length === 0 ? 'last' : next('behind');
  }

  function beginValue(char: string): JsonProgress {
    if (held !== '' || char === gemmaQuote.charAt(0)) {
      held += char;
      if (held !== gemmaQuote) return gemmaQuote.startsWith(held) ? 'more' : 'broken';
      begin('"');
      return next('string');
    }
    if (isJsonSpace(char)) return 'more';
    if (char === ']') return close(char);
    if (char === '{' || char === '[') {
      begin(char);
      open.push(char === '{' ? '}' : ']');
      return next(char === '{' ? 'key' : 'value');
    }
    if (char === '"') {
      begin(char);
      return next('jsonString');
    }
    next('scalar');
    held = char;
    return 'more';
  }

  function readKey(char: string): JsonProgress {
    if (held.trim() === '' && char === '}') return close(char);
    if (char !== ':') {
      held += char;
      return 'more';
    }
    const key = held
      .trim()
      .replaceAll(gemmaQuote, '')
      .replace(/^"(.*)"$/s, '$1');
    begin(`${JSON.stringify(key)}: `);
    return next('value');
  }

  function readString(char: string): JsonProgress {
    held += char;
    for (;;) {
      const match = matchMarker(held, [gemmaQuote]);
      if (match.kind === 'full') {
        write('"');
        return next('behind');
      }
      // Half of a surrogate pair waits for the other one.
      const size = /^[\uD800-\uDBFF]/.test(held) ? 2 : 1;
      if (held === '' || match.kind === 'partial' || held.length < size) return 'more';
      write(JSON.stringify(held.slice(0, size)).slice(1, -1));
      held = held.slice(size);
    }
  }

  function readScalar(char: string): JsonProgress {
    if (!/[,}\]\s]/.test(char)) {
      held += char;
      return 'more';
    }
    begin(tryParseJson(held) === undefined ? JSON.stringify(held) : held);
    next('behind');
    return push(char);
  }

  function push(char: string): JsonProgress {
    switch (state) {
      case 'value':
        return beginValue(char);
      case 'key':
        return readKey(char);
      case 'string':
        return readString(char);
      case 'jsonString':
        write(char);
        if (char === '\\') state = 'escape';
        return char === '"' ? next('behind') : 'more';
      case 'escape':
        write(char);
        return next('jsonString');
      case 'scalar':
        return readScalar(char);
      case 'behind':
        if (isJsonSpace(char)) return 'more';
        if (char !== ',') return close(char);
        needsComma = true;
        return next(open.at(-1) === '}' ? 'key' : 'value');
    }
  }

  return { push };
}
