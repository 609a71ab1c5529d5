import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

const sampleBytes = 256 * 1024;
const samples = 16;

/**
 * Tells model files apart by what is in them: the size, the beginning (the header), the end, and places in between.
 * Reading a file of many gigabytes whole would take longer than loading it.
 *
 * @returns hexadecimal SHA-256
 */
export async function digestModelFile(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256').update(`${size}\n`);
    const buffer = Buffer.alloc(sampleBytes);
    const lastStart = Math.max(0, size - sampleBytes);
    for (let sample = 0; sample < samples; sample++) {
      const start = Math.floor((lastStart * sample) / (samples - 1));
      const { bytesRead } = await file.read(buffer, 0, sampleBytes, start);
      hash.update(buffer.subarray(0, bytesRead));
    }
    return hash.digest('hex');
  } finally {
    await file.close();
  }
}
