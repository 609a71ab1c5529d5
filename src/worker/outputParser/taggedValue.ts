import { tryParseJson } from './jsonScanner.js';
import type { OutputParserOptions } from './outputFormat.js';

export interface TaggedValueOptions {
  /** Whether the parameter takes strings only, takes none, or that is not known. */
  readonly isString: boolean | undefined;
  /** White space that the format puts around every value. */
  readonly padding: string;
  /** Takes the value's JSON text. */
  readonly write: (text: string) => void;
}

/** A value between tags on its way to JSON: strings go on as they come in, others once they are whole. */
export interface TaggedValue {
  push(char: string): void;
  end(): void;
}

export function createTaggedValue({ isString, padding, write }: TaggedValueOptions): TaggedValue {
  /** Of a string: the padding that may be its last, or the first half of a surrogate pair. */
  let held = '';
  let isBegun = false;

  function pushString(char: string): void {
    if (!isBegun) {
      isBegun = true;
      write('"');
      if (char === padding) return;
    }
    if (char === padding || /[\uD800-\uDBFF]/.test(char)) {
      write(escaped(held));
      held = char;
    } else {
      write(escaped(held + char));
      held = '';
    }
  }

  function endString(): void {
    if (!isBegun) write('"');
    write(`${held === padding ? '' : escaped(held)}"`);
  }

  return {
    push: (char) => {
      if (isString) pushString(char);
      else held += char;
    },
    end: () => {
      if (isString) endString();
      else write(valueText(held, padding, isString));
    },
  };
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function valueText(text: string, padding: string, isString: boolean | undefined): string {
  const trimmed = text.trim();
  if (tryParseJson(trimmed) !== undefined) return trimmed;
  const python = { True: 'true', False: 'false', None: 'null' }[trimmed];
  if (python !== undefined && isString === false) return python;
  const start = padding !== '' && text.startsWith(padding) ? padding.length : 0;
  const end = padding !== '' && text.endsWith(padding) ? -padding.length : undefined;
  return JSON.stringify(text.slice(start, end));
}

/** Whether a tool's parameter takes strings only; undefined where its schema does not say. */
export function isStringParameter(
  tools: OutputParserOptions['tools'],
  toolName: string,
  parameter: string,
): boolean | undefined {
  const schema = tools?.find(({ name }) => name === toolName)?.parameters;
  if (typeof schema !== 'object') return undefined;
  const properties = schema['properties'];
  if (typeof properties !== 'object' || properties === null) return undefined;
  const property = (properties as Record<string, unknown>)[parameter];
  if (typeof property !== 'object' || property === null) return undefined;
  const { type, enum: values } = property as { type?: unknown; enum?: unknown };
  if (typeof type === 'string') return type === 'string';
  if (Array.isArray(type)) return type.includes('string') ? undefined : false;
  if (Array.isArray(values)) return values.every((value) => typeof value === 'string') ? true : undefined;
  return undefined;
}
