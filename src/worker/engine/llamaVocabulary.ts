import type { LlamaModel, Token } from 'node-llama-cpp';
import type { SpecialText } from '../chat/controlTexts.js';

/** `tokenizer.ggml.token_type` of GGUF files. */
const ordinaryTypes: ReadonlySet<number> = new Set([1 /* normal */, 5 /* unused */, 6 /* byte */]);

/**
 * Tokens that may be more than their text. The file's own types are not enough: llama.cpp takes what looks like the end
 * of a turn for one. Asking it about every token would stop the process for a tenth of a second.
 */
export function findSpecialTokens(model: LlamaModel): Token[] {
  const { tokens = [], token_type: types = [] } = model.fileInfo.metadata.tokenizer?.ggml ?? {};
  const looksSpecial = (text: string) => /[<>[\]|｜]/.test(text);
  return ([...tokens.keys()] as Token[]).filter(
    (token) => !ordinaryTypes.has(types[token] ?? 0) || looksSpecial(tokens[token] ?? ''),
  );
}

/** A tokenizer looks for these before anything else; for control tokens only where it is told to. */
export function listSpecialTexts(model: LlamaModel): SpecialText[] {
  const { tokens = [] } = model.fileInfo.metadata.tokenizer?.ggml ?? {};
  return findSpecialTokens(model).flatMap((token) => {
    const { control, unknown, userDefined } = model.getTokenAttributes(token);
    if (!control && !unknown && !userDefined) return [];
    return [{ text: tokens[token] ?? '', isControl: control || unknown }];
  });
}
