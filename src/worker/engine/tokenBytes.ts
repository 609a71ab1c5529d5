/** How a tokenizer writes bytes into the texts of its tokens. */
export type TokenSpelling = 'byte-level' | 'sentence-piece';

/**
 * The bytes of a token, from its text in the vocabulary. Byte-level vocabularies (GPT-2's) spell each byte as one
 * printable character; SentencePiece writes `▁` for a space and `<0xNN>` for a byte that is no text of its own.
 */
export function toTokenBytes(text: string, spelling: TokenSpelling): Buffer {
  if (spelling === 'byte-level') {
    const bytes = [...text].map((character) => byteOfCharacter.get(character));
    // Control tokens are spelled as they read.
    return bytes.every((byte) => byte !== undefined) ? Buffer.from(bytes) : Buffer.from(text);
  }
  const byte = /^<0x([0-9A-F]{2})>$/.exec(text)?.[1];
  return byte === undefined ? Buffer.from(text.replaceAll('▁', ' ')) : Buffer.from(byte, 'hex');
}

/** GPT-2's `bytes_to_unicode`: printable bytes are themselves, the others follow from U+0100 on. */
const byteOfCharacter: ReadonlyMap<string, number> = createByteTable();

function createByteTable(): Map<string, number> {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const table = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    table.set(String.fromCodePoint(isPrintable(byte) ? byte : next++), byte);
  }
  return table;
}
