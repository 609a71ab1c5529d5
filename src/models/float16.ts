const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** The bits of the IEEE 754 half-precision number nearest to `value`, ties to even, as every converter rounds. */
export function toFloat16Bits(value: number): number {
  float[0] = value;
  const bits = word[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= 0x4780_0000) return sign | 0x7c00;
  // Below 2^-14 the numbers are multiples of 2^-24.
  if (magnitude < 0x3880_0000) return sign | roundHalfEven(Math.abs(value) * 2 ** 24);
  // The thirteen lowest bits are rounded away; a carry into the exponent is what rounding up means there.
  return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x3800_0000) >>> 13);
}

function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
