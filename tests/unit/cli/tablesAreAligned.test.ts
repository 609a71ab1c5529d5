import { describe, expect, it } from 'vitest';
import { formatTable } from '../../../src/cli/table.js';
import { workerNames } from '../../../src/cli/workerNames.js';

describe('a table', () => {
  it('has columns as wide as their widest cell, and no white space at the end of lines', () => {
    const rows = [
      ['worker_1', 'ready', ''],
      ['w', 'joining', 'x'],
    ];
    expect(formatTable(['NODE', 'STATE', 'URL'], rows)).toBe(
      ['NODE      STATE    URL', 'worker_1  ready', 'w         joining  x'].join('\n'),
    );
  });

  it('is its header where there are no rows', () => {
    expect(formatTable(['NODE', 'STATE'], [])).toBe('NODE  STATE');
  });

  it('bears rows that are too short', () => {
    expect(formatTable(['A', 'B'], [['long'], []])).toBe('A     B\nlong\n');
  });
});

describe('the names of local workers', () => {
  it('count from one', () => {
    expect(workerNames(3)).toEqual(['worker_1', 'worker_2', 'worker_3']);
    expect(workerNames(0)).toEqual([]);
  });
});
