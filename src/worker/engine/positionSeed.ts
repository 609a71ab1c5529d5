/**
 * The seed of one token's random number, from the seed of the request and the token's place in the output (Murmur3's
 * finalizer, applied twice). Seeding each token by itself makes sampling independent of what else is in a batch, and
 * lets a resumed stream go on with the numbers that it would have had.
 */
export function positionSeed(seed: number, position: number): number {
  return mix(mix(seed) ^ Math.imul(position + 1, 0x9e3779b1));
}

function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
