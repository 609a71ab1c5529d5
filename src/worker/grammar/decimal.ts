/** A number as it is written without exponent: digits before the point (at least one) and after it. */
export interface Decimal {
  readonly negative: boolean;
  readonly whole: string;
  readonly fraction: string;
}

/** The shortest decimal that is this finite number, exactly as `JSON.stringify` means it. */
export function toDecimal(value: number): Decimal {
  const [mantissa = '0', exponent = '0'] = String(Math.abs(value)).split('e');
  const [before = '0', after = ''] = mantissa.split('.');
  const shift = Number(exponent);
  const digits = before + after;
  const point = before.length + shift;
  const whole = point <= 0 ? '0' : digits.slice(0, point).padEnd(point, '0');
  const fraction =
    point >= digits.length ? '' : '0'.repeat(Math.max(0, -point)) + digits.slice(Math.max(0, point));
  return {
    negative: value < 0,
    whole: whole.replace(/^0+(?=\d)/, ''),
    fraction: fraction.replace(/0+$/, ''),
  };
}

/** The number as an integer of units of `10 ** -fractionDigits`, where it is one. */
export function toUnits({ whole, fraction }: Decimal, fractionDigits: number): bigint | undefined {
  if (fraction.length > fractionDigits) return undefined;
  return BigInt(whole + fraction.padEnd(fractionDigits, '0'));
}
