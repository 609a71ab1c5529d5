import type { PromptEngine } from '../../src/worker/chat/chatPrompt.js';

const specialOffset = 0x200000;

export interface TemplateEngine extends PromptEngine {
  /** The special texts that the tokens hold, in their order. */
  specialsOf(tokens: readonly number[]): string[];
  textOf(tokens: readonly number[]): string;
}

/**
 * An engine whose vocabulary is made for a template: everything in it that looks like a control token is one, and all
 * other text is its characters. Longer control tokens win, as in llama.cpp.
 */
export function createTemplateEngine(chatTemplate: string, more: readonly string[] = []): TemplateEngine {
  const found = chatTemplate.match(/<[|｜/]?[A-Za-z_:｜▁][^<>\s'"{}+]*>|\[\/?[A-Z_]{3,}\]/g) ?? [];
  const specials = [...new Set([...found, ...more, '<s>', '</s>'])].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(
    `(${specials.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`,
  );
  const indexOf = new Map(specials.map((text, index) => [text, index]));
  return {
    chatTemplate,
    bosToken: { id: specialOffset + (indexOf.get('<s>') ?? 0), text: '<s>', prepend: false },
    eosTokenText: '</s>',
    specialTexts: specials.map((text) => ({ text, isControl: true })),
    tokenize: (text, { special }) =>
      (special ? text.split(pattern) : [text]).flatMap((piece) => {
        const index = special ? indexOf.get(piece) : undefined;
        return index === undefined
          ? [...piece].map((char) => char.codePointAt(0) ?? 0)
          : [specialOffset + index];
      }),
    specialsOf: (tokens) =>
      tokens.filter((token) => token >= specialOffset).map((token) => specials[token - specialOffset] ?? '?'),
    textOf: (tokens) =>
      tokens
        .map((token) =>
          token >= specialOffset ? (specials[token - specialOffset] ?? '?') : String.fromCodePoint(token),
        )
        .join(''),
  };
}
