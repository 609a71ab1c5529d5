import { expect, it } from 'vitest';
import { formatProgress } from '../../../src/models/progressLine.js';

const mib = 2 ** 20;

it.each([
  [
    { receivedBytes: 0, totalBytes: 100 * mib, elapsedMs: 0 },
    'model [------------------------]   0%  0.0 of 100.0 MiB',
  ],
  [
    { receivedBytes: 25 * mib, totalBytes: 100 * mib, elapsedMs: 2_000 },
    'model [######------------------]  25%  25.0 of 100.0 MiB  12.5 MiB/s  6 s left',
  ],
  [
    { receivedBytes: 60 * mib, totalBytes: 100 * mib, elapsedMs: 5_000, resumedBytes: 50 * mib },
    'model [##############----------]  60%  60.0 of 100.0 MiB  2.0 MiB/s  20 s left',
  ],
  [
    { receivedBytes: mib, totalBytes: 100 * mib, elapsedMs: 1_000 },
    'model [------------------------]   1%  1.0 of 100.0 MiB  1.0 MiB/s  1 min 39 s left',
  ],
  [
    { receivedBytes: mib, totalBytes: 40_000 * mib, elapsedMs: 1_000 },
    'model [------------------------]   0%  1.0 of 40000.0 MiB  1.0 MiB/s  11 h 6 min left',
  ],
  [
    { receivedBytes: 100 * mib - 1, totalBytes: 100 * mib, elapsedMs: 10_000 },
    'model [#######################-]  99%  100.0 of 100.0 MiB  10.0 MiB/s  1 s left',
  ],
  [
    { receivedBytes: 100 * mib, totalBytes: 100 * mib, elapsedMs: 10_000 },
    'model [########################] 100%  100.0 of 100.0 MiB  10.0 MiB/s',
  ],
  [
    { receivedBytes: 0, totalBytes: 0, elapsedMs: 0 },
    'model [------------------------]   0%  0.0 of 0.0 MiB',
  ],
])('shows %j', (progress, line) => {
  expect(formatProgress({ name: 'model', ...progress })).toBe(line);
});
