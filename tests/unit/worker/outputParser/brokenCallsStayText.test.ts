import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectOutputFormat } from '../../../../src/worker/outputParser/detectOutputFormat.js';
import type { OutputFormat } from '../../../../src/worker/outputParser/outputFormat.js';
import { readChatTemplates } from '../../../support/llamaCppSources.js';
import { collectDeltas, parseOutput } from '../../../support/parsedOutput.js';

const formats = new Map<string, OutputFormat>();
for (const { source } of await readChatTemplates()) {
  const format = detectOutputFormat(source);
  formats.set(`${format.name}, reasoning in ${format.reasoning?.begin.trim() ?? 'nothing'}`, format);
}
const hermes = detectOutputFormat('<tool_call>{"name": <think></think>');
const qwenCoder = detectOutputFormat('<tool_call><function=x><parameter=y>');

describe('what only looks like a call', () => {
  it.each([
    '<tool_call>',
    '<tool_call>\n{"name',
    '<tool_call>\nno JSON\n</tool_call>',
    '<tool_call>{"arguments": {"a": 1}}</tool_call>',
    'A <tool_call> is a tag, and <tool_ca',
    'Text\n\n<tool_call>[1, 2]</tool_call>\n',
    '<tool_call><tool_call>{"name": 1}',
  ])('is text: %j', (output) => {
    expect(parseOutput(hermes, [output])).toEqual({ text: output, reasoning: '', calls: [] });
  });

  it('is text before a call that is one', () => {
    expect(
      parseOutput(hermes, ['<tool_call>x<tool_call>{"name": "a", "arguments": {}}</tool_call>']),
    ).toEqual({
      text: '<tool_call>x',
      reasoning: '',
      calls: [{ name: 'a', arguments: '{}' }],
    });
  });

  it('ends where the generation was cut', () => {
    expect(parseOutput(hermes, ['<tool_call>{"name": "a", "arguments": {"b": [1, '])).toEqual({
      text: '',
      reasoning: '',
      calls: [{ name: 'a', arguments: '{"b": [1, ' }],
    });
  });
});

describe('a call', () => {
  it('is emitted as it comes in: the name first, then pieces of the arguments', () => {
    const parser = hermes.createParser({ parseToolCalls: true, opensInReasoning: false });
    const push = (text: string) => parser.push(text);
    expect(push('Hi <tool')).toEqual([{ type: 'text', delta: 'Hi' }]);
    expect(push('_call>\n{"name": "f')).toEqual([]);
    expect(push('"')).toEqual([{ type: 'toolCall', index: 0, name: 'f', delta: '' }]);
    expect(push(', "arguments": {"a": ')).toEqual([{ type: 'toolCall', index: 0, delta: '{"a": ' }]);
    expect(push('"}"}}\n</tool_call>')).toEqual([{ type: 'toolCall', index: 0, delta: '"}"}' }]);
    expect(parser.end()).toEqual([]);
  });

  it('may have its arguments first, in a string, or none', () => {
    const calls = (body: string) => parseOutput(hermes, [`<tool_call>${body}</tool_call>`]).calls;
    expect(calls('{"arguments": {"a": 1}, "name": "f"}')).toEqual([{ name: 'f', arguments: '{"a": 1}' }]);
    expect(calls('{"name": "f", "arguments": "{\\"a\\": 1}"}')).toEqual([
      { name: 'f', arguments: '{"a": 1}' },
    ]);
    expect(calls('{"name": "f"}')).toEqual([{ name: 'f', arguments: '{}' }]);
    expect(calls('{"name": "f", "arguments": null, "id": 3}')).toEqual([{ name: 'f', arguments: '{}' }]);
  });

  it('has strings where its tool wants strings, whatever they look like', () => {
    const parameters = { type: 'object', properties: { s: { type: 'string' }, n: { type: 'number' } } };
    const body =
      '<tool_call>\n<function=f>\n<parameter=s>\n42 "and" 😀\n\n</parameter>\n<parameter=n>\n42\n</parameter>\n</function>\n</tool_call>';
    const { calls } = parseOutput(qwenCoder, body.split(''), { tools: [{ name: 'f', parameters }] });
    expect(calls.map((call) => JSON.parse(call.arguments) as unknown)).toEqual([
      { s: '42 "and" 😀\n', n: 42 },
    ]);
  });
});

describe('reasoning', () => {
  it('loses the white space around it, and that between it and the answer', () => {
    expect(parseOutput(hermes, ['<think>\n\n a  b \n</think>\n\n c\n'])).toEqual({
      text: 'c\n',
      reasoning: 'a  b',
      calls: [],
    });
  });

  it('is only what stands first', () => {
    const output = 'The tag <think> begins it, </think> ends it.';
    expect(parseOutput(hermes, [output])).toEqual({ text: output, reasoning: '', calls: [] });
  });

  it('may be cut at the end', () => {
    expect(parseOutput(hermes, ['<think>a </thi']).reasoning).toBe('a </thi');
  });
});

describe.each([...formats])('any output of %s', (_name, format) => {
  const parts = fc.oneof(
    fc.constantFrom(...format.markers, '{', '}', '[', ']', '"', '\n', ' ', ':', ',', 'a', '\\'),
    fc.constantFrom('{"name": "f", "arguments": {"a": 1}}', '"name": "f"', 'f', '{"b": "}"}', '[ARGS]'),
    fc.string({ maxLength: 3 }),
  );
  const outputs = fc.array(parts, { maxLength: 20 }).map((texts) => texts.join(''));

  it('is taken apart in one way, however it is cut', () => {
    fc.assert(
      fc.property(outputs, fc.boolean(), fc.integer({ min: 1, max: 7 }), (output, opensInReasoning, size) => {
        const pieces = output.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [];
        const options = { opensInReasoning };
        expect(parseOutput(format, pieces, options)).toEqual(parseOutput(format, [output], options));
      }),
      { numRuns: 200 },
    );
  });

  it('is all text where it holds no marker', () => {
    fc.assert(
      fc.property(fc.string(), (output) => {
        fc.pre(
          format.markers.every((marker) => !output.includes(marker)) && !output.trimStart().startsWith('{'),
        );
        const parser = format.createParser({ parseToolCalls: true, opensInReasoning: false });
        expect(collectDeltas([...parser.push(output), ...parser.end()]).text).toBe(output);
      }),
    );
  });
});
