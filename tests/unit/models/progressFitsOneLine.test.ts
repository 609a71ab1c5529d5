import { expect, it } from 'vitest';
import { formatProgress } from '../../../src/models/progressLine.js';

const mb = 1e6;

it.each([
  [
    { receivedBytes: 0, totalBytes: 100 * mb, elapsedMs: 0 },
    'model [------------------------]   0%  0.0 of 100.0 MB',
  ],
  [
    { receivedBytes: 25 * mb, totalBytes: 100 * mb, elapsedMs: 2_000 },
    'model [######------------------]  25%  25.0 of 100.0 MB  12.5 MB/s  6 s left',
  ],
  [
    { receivedBytes: 60 * mb, totalBytes: 100 * mb, elapsedMs: 5_000, resumedBytes: 50 * mb },
    'model [##############----------]  60%  60.0 of 100.0 MB  2.0 MB/s  20 s left',
  ],
  [
    { receivedBytes: mb, totalBytes: 100 * mb, elapsedMs: 1_000 },
    'model [------------------------]   1%  1.0 of 100.0 MB  1.0 MB/s  1 min 39 s left',
  ],
  [
    { receivedBytes: mb, totalBytes: 40_000 * mb, elapsedMs: 1_000 },
    'model [------------------------]   0%  1.0 of 40000.0 MB  1.0 MB/s  11 h 6 min left',
  ],
  [
    { receivedBytes: 100 * mb - 1, totalBytes: 100 * mb, elapsedMs: 10_000 },
    'model [#######################-]  99%  100.0 of 100.0 MB  10.0 MB/s  1 s left',
  ],
  [
    { receivedBytes: 100 * mb, totalBytes: 100 * mb, elapsedMs: 10_000 },
    'model [########################] 100%  100.0 of 100.0 MB  10.0 MB/s',
  ],
  [{ receivedBytes: 0, totalBytes: 0, elapsedMs: 0 }, 'model [------------------------]   0%  0.0 of 0.0 MB'],
])('shows %j', (progress, line) => {
  expect(formatProgress({ name: 'model', ...progress })).toBe(line);
});
