import { callsEnd, type CallReader, type CallSink, type ReadingProgress } from './callSyntax.js';
import { createJsonScanner, isJsonSpace, tryParseJson } from './jsonScanner.js';

export interface CallObjectKeys {
  readonly name: string;
  /** The first is the family's own, the others are mistakes that models make. */
  readonly arguments: readonly string[];
}

export interface CallObjectOptions extends CallObjectKeys {
  /**
   * Nothing around the object says that it is a call: the name comes first, of one of `names` where they are known, and
   * nothing is emitted before the arguments begin.
   */
  readonly strict: boolean;
  readonly names?: readonly string[];
}

type State = 'object' | 'key' | 'inKey' | 'colon' | 'beforeValue' | 'value' | 'behind';

/**
 * Reads one call written as an object such as `{"name": …, "arguments": {…}}`, from its `{`. The arguments' text goes
 * out as it comes in once the name is known; arguments in a string are taken out of it; other keys are passed over.
 */
export function createCallObjectReader(sink: CallSink, options: CallObjectOptions): CallReader {
  let state: State = 'object';
  let key = '';
  let value = '';
  let scanner = createJsonScanner();
  let name: string | undefined;
  let isNamed = false;
  let hasArguments = false;
  /** Arguments that came before the name. */
  let early = '';
  let isStreaming = false;

  function announce(): void {
    if (isNamed || name === undefined) return;
    isNamed = true;
    sink.beginCall(name);
    sink.callArguments(early);
  }

  function beginValue(char: string): boolean {
    const isArguments = options.arguments.includes(key);
    if (options.strict) {
      if (isArguments ? name === undefined : key !== options.name && key !== 'type' && key !== 'id')
        return false;
      if (isArguments && char !== '{') return false;
    }
    scanner = createJsonScanner();
    value = '';
    state = 'value';
    if (isArguments) announce();
    isStreaming = isArguments && char === '{' && !hasArguments;
    return true;
  }

  function readValue(char: string): ReadingProgress {
    const progress = scanner.push(char);
    if (progress === 'broken') return 'broken';
    if (progress !== 'outside') {
      if (isStreaming && isNamed) sink.callArguments(char);
      else value += char;
    }
    if (progress === 'more') return 'more';
    state = 'behind';
    if (!endValue()) return 'broken';
    return progress === 'outside' ? push(char) : 'more';
  }

  function endValue(): boolean {
    if (key === options.name) {
      const parsed = tryParseJson(value);
      if (typeof parsed !== 'string' || parsed === '' || name !== undefined) return false;
      if (options.names && !options.names.includes(parsed)) return false;
      name = parsed;
      if (!options.strict) announce();
    } else if (options.arguments.includes(key) && !hasArguments) {
      hasArguments = true;
      if (isStreaming && isNamed) return true;
      const text = isStreaming ? value : argumentsText(value);
      if (isNamed) sink.callArguments(text);
      else early = text;
    }
    return true;
  }

  function endObject(): ReadingProgress {
    if (name === undefined || (options.strict && !hasArguments)) return 'broken';
    announce();
    if (!hasArguments) sink.callArguments('{}');
    return callsEnd;
  }

  function push(char: string): ReadingProgress {
    if (state === 'value') return readValue(char);
    if (state === 'inKey') {
      key += char;
      if (scanner.push(char) !== 'last') return 'more';
      const parsed = tryParseJson(key);
      if (typeof parsed !== 'string') return 'broken';
      key = parsed;
      state = 'colon';
      return 'more';
    }
    if (isJsonSpace(char)) return 'more';
    switch (state) {
      case 'object':
        state = 'key';
        return char === '{' ? 'more' : 'broken';
      case 'key':
        if (char === '}') return endObject();
        if (char !== '"') return 'broken';
        key = char;
        scanner = createJsonScanner();
        scanner.push(char);
        state = 'inKey';
        return 'more';
      case 'colon':
        state = 'beforeValue';
        return char === ':' ? 'more' : 'broken';
      case 'beforeValue':
        return beginValue(char) ? readValue(char) : 'broken';
      case 'behind':
        if (char === ',') state = 'key';
        return char === ',' ? 'more' : char === '}' ? endObject() : 'broken';
    }
  }

  return { push };
}

/** Arguments that are not an object: models write them as JSON in a string, or null for none. */
function argumentsText(value: string): string {
  const parsed = tryParseJson(value);
  if (parsed === null) return '{}';
  return typeof parsed === 'string' && typeof tryParseJson(parsed) === 'object' ? parsed : value;
}
