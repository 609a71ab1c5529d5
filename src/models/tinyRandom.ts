/** The largest weight, either sign, from an input to an output. */
export type ScaleOf = (input: number, output: number) => number;

/** Random weights, a row of `inputs` for each output, each within the scale of its place; draws one number a place. */
export function createRandomMatrix(
  next: () => number,
  { inputs, outputs, scale }: { inputs: number; outputs: number; scale: ScaleOf },
): Float32Array {
  const data = new Float32Array(inputs * outputs);
  for (let output = 0; output < outputs; output++) {
    for (let input = 0; input < inputs; input++) {
      data[output * inputs + input] = Math.fround(next() * scale(input, output));
    }
  }
  return data;
}

/**
 * Random numbers in -1..1 that are the same on every machine: mulberry32 (Tommy Ettinger, public domain), seeded with
 * the tensor's name (FNV-1a) so that one tensor more does not change the others. The upper 24 bits fit a 32-bit float.
 */
export function createRandom(seed: number, name: string): () => number {
  let state = 0x811c9dc5 ^ seed;
  for (const byte of Buffer.from(name, 'utf8')) state = Math.imul(state ^ byte, 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 8) / 0x800000 - 1;
  };
}
