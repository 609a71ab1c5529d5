/** A vocabulary of bytes: tokens below 256 are one byte each, the others several. */
export interface ByteVocabulary {
  /** A token for these bytes, the same one for the same bytes. */
  tokenOf(bytes: readonly number[]): number;
  /** A token for the UTF-8 bytes of a text. */
  tokenOfText(text: string): number;
  /** As the engine's: an incomplete code point is U+FFFD. */
  detokenize(tokens: readonly number[]): string;
}

export function createByteVocabulary(): ByteVocabulary {
  const pieces: (readonly number[])[] = Array.from({ length: 256 }, (_, byte) => [byte]);
  const ids = new Map(pieces.map((bytes, id) => [bytes.join(), id]));

  function tokenOf(bytes: readonly number[]): number {
    const known = ids.get(bytes.join());
    if (known !== undefined) return known;
    ids.set(bytes.join(), pieces.length);
    return pieces.push(bytes) - 1;
  }

  return {
    tokenOf,
    tokenOfText: (text) => tokenOf([...new TextEncoder().encode(text)]),
    detokenize: (tokens) =>
      new TextDecoder('utf-8', { ignoreBOM: true }).decode(
        Uint8Array.from(tokens.flatMap((token) => pieces[token] ?? [])),
      ),
  };
}
