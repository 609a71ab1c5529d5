/** `last`: this character ends the value; `outside`: the value ended before it. */
export type JsonProgress = 'more' | 'last' | 'outside' | 'broken';

const closers: Readonly<Record<string, string>> = { '{': '}', '[': ']' };

/** JSON's white space. */
export function isJsonSpace(char: string): boolean {
  return char === ' ' || char === '\n' || char === '\r' || char === '\t';
}

/**
 * Finds the end of one JSON value, one UTF-16 unit at a time. It counts brackets and knows strings, which is enough for
 * a text that is JSON; a wrong bracket is noticed, a missing comma is not.
 */
export function createJsonScanner(): { push(char: string): JsonProgress } {
  const open: string[] = [];
  let state: 'beginning' | 'inside' | 'string' | 'escape' | 'scalar' = 'beginning';

  function begin(char: string): JsonProgress {
    const closer = closers[char];
    if (closer !== undefined) {
      open.push(closer);
      state = 'inside';
    } else if (char === '"') state = 'string';
    else if (/[-0-9a-z]/.test(char)) state = 'scalar';
    else return 'broken';
    return 'more';
  }

  function push(char: string): JsonProgress {
    switch (state) {
      case 'beginning':
        return begin(char);
      case 'escape':
        state = 'string';
        return 'more';
      case 'string':
        if (char === '\\') state = 'escape';
        else if (char === '"') {
          if (open.length === 0) return 'last';
          state = 'inside';
        }
        return 'more';
      case 'scalar':
        return /[-+.0-9a-zA-Z]/.test(char) ? 'more' : 'outside';
      case 'inside':
        if (char === '"') state = 'string';
        else if (closers[char] !== undefined) open.push(closers[char]);
        else if (char === '}' || char === ']') {
          if (open.pop() !== char) return 'broken';
          if (open.length === 0) return 'last';
        }
        return 'more';
    }
  }

  return { push };
}

/** The value of a JSON text, or undefined where it is none. */
export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
