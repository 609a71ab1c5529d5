import { z } from 'zod';

/** A tensor in Hugging Face's order: the slowest running dimension first. */
export interface SafeTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const Header = z.record(
  z.string(),
  z.union([
    z.object({
      dtype: z.string(),
      shape: z.array(z.int().min(0)),
      data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
    }),
    z.record(z.string(), z.string()),
  ]),
);

const lengthBytes = 8;

/**
 * Reads tensors of 32-bit floats from a safetensors file (huggingface/safetensors, "Format": the header's length, a
 * JSON header, the data). Throws a RangeError where the header does not fit the file; the returned function throws
 * one for a tensor that is not there or of another type.
 */
export function parseSafetensors(file: Buffer): (name: string) => SafeTensor {
  const headerEnd = lengthBytes + Number(file.readBigUInt64LE(0));
  if (headerEnd > file.length) throw new RangeError('the header is longer than the file');
  const header = Header.parse(JSON.parse(file.toString('utf8', lengthBytes, headerEnd)));
  const content = file.subarray(headerEnd);
  return (name) => {
    const entry = header[name];
    if (!entry || !Array.isArray(entry.shape)) throw new RangeError(`there is no tensor ${name}`);
    const { dtype, shape, data_offsets: offsets } = entry as Extract<typeof entry, { shape: number[] }>;
    const [begin, end] = offsets;
    const elements = shape.reduce((product, length) => product * length, 1);
    if (dtype !== 'F32') throw new RangeError(`tensor ${name} is of type ${dtype}, not F32`);
    if (end - begin !== elements * 4 || end > content.length)
      throw new RangeError(`tensor ${name} does not fill its shape`);
    const data = new Float32Array(elements);
    for (let index = 0; index < elements; index++) data[index] = content.readFloatLE(begin + index * 4);
    return { shape, data };
  };
}
