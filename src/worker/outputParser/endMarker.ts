import { callsEnd, type ReadingProgress } from './callSyntax.js';

/**
 * Reads the marker behind a call, whatever white space is before it or in it. A model that leaves it out has ended its
 * call all the same: what was read instead is returned unread.
 */
export function createEndMarkerReader(end: string): { push(char: string): ReadingProgress } {
  let read = '';
  return {
    push: (char) => {
      read += char;
      const seen = read.replace(/\s+/g, '');
      if (seen === end) return callsEnd;
      return end.startsWith(seen) ? 'more' : { unread: read };
    },
  };
}
