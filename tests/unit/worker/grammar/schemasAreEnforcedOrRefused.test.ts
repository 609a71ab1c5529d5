import { beforeAll, describe, expect, it } from 'vitest';
import { createGrammarBuilder } from '../../../../src/worker/grammar/grammarBuilder.js';
import { compileJsonSchema } from '../../../../src/worker/grammar/jsonSchema.js';
import { createGbnfWalker } from '../../../support/gbnfWalker.js';
import { jsonSchemas } from '../../../support/jsonSchemas.js';
import { loadLlamaGrammar, type LlamaGrammarCheck } from '../../../support/llamaGrammar.js';
import { createAjvJudge } from '../../../support/ajvJudge.js';
import { createRandom } from './random.js';

let llama: LlamaGrammarCheck;
beforeAll(async () => {
  llama = await loadLlamaGrammar();
});

const enforced = jsonSchemas.filter(({ expect: outcome }) => outcome === 'enforced');
const refused = jsonSchemas.filter(({ expect: outcome }) => outcome !== 'enforced');

it('has at least 50 schemas, of which 45 can be enforced', () => {
  expect(jsonSchemas.length).toBeGreaterThanOrEqual(50);
  expect(enforced.length).toBeGreaterThanOrEqual(45);
});

describe('whatever the grammar generates, the schema allows', () => {
  it.each(enforced)('$name', ({ schema }) => {
    const builder = createGrammarBuilder();
    const compiled = compileJsonSchema(builder, schema, { strict: true });
    if (compiled.kind === 'refused') throw new Error(compiled.message);
    expect(compiled.loosened).toEqual([]);
    const gbnf = builder.toGbnf(compiled.rule);
    const judge = createAjvJudge(schema);
    const walker = createGbnfWalker(gbnf);
    const random = createRandom(7);
    for (let round = 0; round < 40; round++) {
      const text = walker.walk(random);
      const allowed = judge(JSON.parse(text));
      expect({ text, allowed, errors: judge.errors }).toEqual({ text, allowed: true, errors: null });
      expect({ text, llama: llama.accepts(gbnf, text) }).toEqual({ text, llama: true });
    }
  });
});

describe('what cannot be enforced is refused by name under strict', () => {
  it.each(refused)('$name', ({ schema, expect: outcome }) => {
    const compiled = compileJsonSchema(createGrammarBuilder(), schema, { strict: true });
    expect(compiled).toMatchObject({ kind: 'refused', keyword: (outcome as { refused: string }).refused });
  });
});
