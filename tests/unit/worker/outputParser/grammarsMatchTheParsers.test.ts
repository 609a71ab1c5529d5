import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGrammarBuilder } from '../../../../src/worker/grammar/grammarBuilder.js';
import { detectOutputFormat } from '../../../../src/worker/outputParser/detectOutputFormat.js';
import type { OutputFormat, OutputGrammarOptions } from '../../../../src/worker/outputParser/outputFormat.js';
import { createGbnfWalker } from '../../../support/gbnfWalker.js';
import { readChatTemplates } from '../../../support/llamaCppSources.js';
import { loadLlamaGrammar, type LlamaGrammarCheck } from '../../../support/llamaGrammar.js';
import { parseOutput } from '../../../support/parsedOutput.js';

const sources = await readChatTemplates();
/** One template of each format and kind of reasoning tags. */
const formats = new Map<string, OutputFormat>();
for (const { source } of sources) {
  const format = detectOutputFormat(source);
  formats.set(`${format.name}, reasoning in ${format.reasoning?.begin.trim() ?? 'nothing'}`, format);
}

const tools = [
  { name: 'special_function', parameters: { type: 'object', properties: { arg1: { type: 'integer' } } } },
  { name: 'write', parameters: { type: 'object', properties: { text: { type: 'string' } } } },
];

function gbnfOf(format: OutputFormat, options: Partial<OutputGrammarOptions>): string {
  const builder = createGrammarBuilder();
  const number = builder.rule('number', '[1-9] [0-9]?');
  const string = builder.rule('string', '"\\"" ([^"\\\\\\x00-\\x1f] | "\\\\" ["\\\\n])* "\\""');
  const root = format.grammarRule(builder, {
    tools: [
      {
        name: 'special_function',
        argumentsRule: builder.rule('numbers', `"{\\"arg1\\": " ${number} "}"`),
        parameters: [{ name: 'arg1', required: true, isString: false, valueRule: number }],
      },
      {
        name: 'write',
        argumentsRule: builder.rule('texts', `"{\\"text\\": " ${string} "}"`),
        parameters: [{ name: 'text', required: true, isString: true, valueRule: undefined }],
      },
    ],
    choice: 'auto',
    parallel: true,
    content: undefined,
    opensInReasoning: false,
    reasons: true,
    ...options,
  });
  return builder.toGbnf(root);
}

/** Texts that the grammar allows. */
function outputsOf(gbnf: string): fc.Arbitrary<string> {
  const walker = createGbnfWalker(gbnf);
  return fc
    .array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 40, maxLength: 400 })
    .map((numbers) => {
      let at = 0;
      return walker.walk(() => numbers[at++ % numbers.length] ?? 0);
    });
}

let llama: LlamaGrammarCheck;
beforeAll(async () => {
  llama = await loadLlamaGrammar();
});

describe.each([...formats])('the grammar of %s', (_name, format) => {
  const check = (
    options: Partial<OutputGrammarOptions>,
    test: (parsed: ReturnType<typeof parseOutput>, output: string) => void,
  ): void => {
    const gbnf = gbnfOf(format, options);
    fc.assert(
      fc.property(outputsOf(gbnf), (output) => {
        const { opensInReasoning = false } = options;
        const parsed = parseOutput(format, [output], { tools, opensInReasoning });
        for (const { name, arguments: text } of parsed.calls) {
          const [key, type] = name === 'write' ? ['text', 'string'] : ['arg1', 'number'];
          const value = JSON.parse(text) as Record<string, unknown>;
          expect(Object.keys(value)).toEqual([key]);
          expect(typeof value[key]).toBe(type);
        }
        test(parsed, output);
      }),
      { numRuns: 60 },
    );
  };

  it('allows calls that the parser reads whole', () => {
    check({ choice: 'required' }, ({ calls, text }) => {
      expect(calls.length).toBeGreaterThan(0);
      expect(text).toBe('');
    });
  });

  it('allows one call where it is to be one', () => {
    check({ choice: 'required', parallel: false, reasons: false }, ({ calls, text }) => {
      expect(calls).toHaveLength(1);
      expect(text).toBe('');
    });
  });

  it('allows text, or text and calls', () => {
    check({}, ({ calls, text }) => {
      if (calls.length === 0) return;
      for (const marker of format.markers) expect(text).not.toContain(marker);
    });
  });

  it('allows only text without tools', () => {
    check({ tools: [] }, ({ calls }) => expect(calls).toEqual([]));
  });

  it('allows reasoning that the prompt began', () => {
    if (!format.reasoning) return;
    check({ choice: 'required', opensInReasoning: true }, ({ calls, text }) => {
      expect(calls.length).toBeGreaterThan(0);
      expect(text).toBe('');
    });
  });

  it('allows only the content that is asked for', () => {
    const builder = createGrammarBuilder();
    const content = builder.rule('content', '"{\\"a\\": " [0-9] "}"');
    const options = { tools: [], choice: 'auto', parallel: true, content, opensInReasoning: false } as const;
    const gbnf = builder.toGbnf(format.grammarRule(builder, { ...options, reasons: true }));
    fc.assert(
      fc.property(outputsOf(gbnf), (output) => {
        expect(parseOutput(format, [output], { parseToolCalls: false }).text).toMatch(/^\{"a": [0-9]\}$/);
      }),
      { numRuns: 30 },
    );
  });

  it('is one that llama.cpp can read, and sees as it is meant', () => {
    const gbnf = gbnfOf(format, { choice: 'required' });
    const outputs = fc.sample(outputsOf(gbnf), 5);
    for (const output of outputs) expect(llama.accepts(gbnf, output), output).toBe(true);
    expect(llama.accepts(gbnf, 'Hello')).toBe(false);
    const auto = gbnfOf(format, {});
    for (const output of fc.sample(outputsOf(auto), 5))
      expect(llama.accepts(auto, output), output).toBe(true);
  });
});
