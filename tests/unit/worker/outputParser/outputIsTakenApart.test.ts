import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectOutputFormat } from '../../../../src/worker/outputParser/detectOutputFormat.js';
import { readChatTemplates } from '../../../support/llamaCppSources.js';
import { parseOutput } from '../../../support/parsedOutput.js';
import { llamaCppExamples } from './llamaCppExamples.js';

const sources = new Map((await readChatTemplates()).map(({ name, source }) => [name, source]));

const formatOf = (template: string) => {
  const source = sources.get(template);
  if (source === undefined) throw new Error(`No template ${template}`);
  return detectOutputFormat(source);
};

/** All ways to cut a text at some places. */
function cut(text: string, places: readonly number[]): string[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [...ends, text.length].map((end, index) => text.slice(index === 0 ? 0 : ends[index - 1], end));
}

describe.each(llamaCppExamples)(
  'an output of $template: $output',
  ({ template, output, expected, ...options }) => {
    const format = formatOf(template);
    const whole = { text: '', reasoning: '', calls: [], ...expected };

    it('is taken apart', () => {
      expect(parseOutput(format, [output], options)).toEqual(whole);
    });

    it('is taken apart however it is cut', () => {
      fc.assert(
        fc.property(fc.array(fc.nat({ max: output.length })), (places) => {
          expect(parseOutput(format, cut(output, places), options)).toEqual(whole);
        }),
        { numRuns: 50 },
      );
      expect(parseOutput(format, output.split(''), options)).toEqual(whole);
    });

    it('gives nothing at its end that it could have given before, and takes nothing back', () => {
      const parser = format.createParser({ parseToolCalls: true, opensInReasoning: false, ...options });
      const deltas = parser.push(output);
      const before = deltas.filter(({ type }) => type === 'toolCall').length;
      expect(parser.end().filter(({ type }) => type === 'toolCall')).toEqual([]);
      expect(before).toBe(whole.calls.length);
    });

    it('is text where calls are not looked for', () => {
      const { calls } = parseOutput(format, [output], { ...options, parseToolCalls: false });
      expect(calls).toEqual([]);
    });
  },
);
