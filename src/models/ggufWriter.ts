import { toFloat16Bits } from './float16.js';

/** One metadata value of a GGUF file, named after the GGUF type it is stored as. */
export type GgufValue =
  | { type: 'uint32'; value: number }
  | { type: 'int32'; value: number }
  | { type: 'float32'; value: number }
  | { type: 'bool'; value: boolean }
  | { type: 'string'; value: string }
  | { type: 'int32[]'; value: readonly number[] }
  | { type: 'float32[]'; value: readonly number[] }
  | { type: 'string[]'; value: readonly string[] };

/**
 * A tensor of floats. `shape` is in GGUF's order: the fastest running dimension first, so a matrix that maps `in`
 * values to `out` values has the shape `[in, out]` and `data` holds one row of `in` weights for each output.
 */
export interface GgufTensor {
  name: string;
  shape: readonly number[];
  data: Float32Array;
  /** How the file stores it: 32 bits, or 16 bits rounded to nearest. Default f32. */
  type?: 'f32' | 'f16';
}

const alignmentBytes = 32;
const typeIds = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
/** `ggml_type`, and the bytes of one element. */
const tensorTypes = { f32: { id: 0, bytes: 4 }, f16: { id: 1, bytes: 2 } } as const;

/**
 * Serialises a GGUF version 3 file, little endian, tensors aligned to 32 bytes
 * (layout: ggml's `docs/gguf.md`). The same input gives the same bytes on every machine.
 * Throws a RangeError when a tensor's data does not fill its shape.
 */
export function createGguf(content: {
  metadata: Readonly<Record<string, GgufValue>>;
  tensors: readonly GgufTensor[];
}): Buffer {
  const parts: Buffer[] = [];
  const entries = Object.entries(content.metadata);
  parts.push(
    Buffer.from('GGUF', 'latin1'),
    uint32(3),
    uint64(content.tensors.length),
    uint64(entries.length),
  );
  for (const [key, value] of entries) parts.push(text(key), toBytes(value));

  let offsetBytes = 0;
  for (const tensor of content.tensors) {
    const elements = tensor.shape.reduce((product, length) => product * length, 1);
    if (elements !== tensor.data.length) {
      throw new RangeError(`tensor ${tensor.name} holds ${tensor.data.length} values, its shape ${elements}`);
    }
    const type = tensorTypes[tensor.type ?? 'f32'];
    parts.push(text(tensor.name), uint32(tensor.shape.length), ...tensor.shape.map(uint64));
    parts.push(uint32(type.id), uint64(offsetBytes));
    offsetBytes += padded(elements * type.bytes);
  }

  const headerBytes = parts.reduce((sum, part) => sum + part.length, 0);
  parts.push(Buffer.alloc(padded(headerBytes) - headerBytes));
  for (const tensor of content.tensors) parts.push(toTensorBytes(tensor));
  return Buffer.concat(parts);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / alignmentBytes) * alignmentBytes;
}

function toTensorBytes({ data, type = 'f32' }: GgufTensor): Buffer {
  const bytes = Buffer.alloc(padded(data.length * tensorTypes[type].bytes));
  // Written value by value and not as a view of the array's memory: that would follow the machine's byte order.
  if (type === 'f16') data.forEach((value, index) => bytes.writeUInt16LE(toFloat16Bits(value), index * 2));
  else data.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes;
}

function toBytes(value: GgufValue): Buffer {
  switch (value.type) {
    case 'uint32':
      return Buffer.concat([uint32(typeIds.uint32), uint32(value.value)]);
    case 'int32':
      return Buffer.concat([uint32(typeIds.int32), int32(value.value)]);
    case 'float32':
      return Buffer.concat([uint32(typeIds.float32), float32(value.value)]);
    case 'bool':
      return Buffer.concat([uint32(typeIds.bool), Buffer.from([value.value ? 1 : 0])]);
    case 'string':
      return Buffer.concat([uint32(typeIds.string), text(value.value)]);
    case 'int32[]':
      return array(typeIds.int32, value.value.map(int32));
    case 'float32[]':
      return array(typeIds.float32, value.value.map(float32));
    case 'string[]':
      return array(typeIds.string, value.value.map(text));
  }
}

function array(elementType: number, elements: readonly Buffer[]): Buffer {
  return Buffer.concat([uint32(typeIds.array), uint32(elementType), uint64(elements.length), ...elements]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
