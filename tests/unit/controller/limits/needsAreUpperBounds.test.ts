import { describe, expect, it } from 'vitest';
import { hasRoom, totalOf } from '../../../../src/controller/limits/tokenNeed.js';
import { toGenerationNeed, toReadingNeed } from '../../../../src/controller/limits/toTokenNeed.js';
import { createRequestWorks } from '../../../../src/controller/requestWork.js';
import { toRequest, toTextRequest } from '../../../support/generate.js';

const known = { contextTokens: 1_000, outputTokens: 20.5, templateTokens: 64 };

describe('what generating needs', () => {
  it('is a token for each byte of the prompt and what a template adds, and the bound of the answer', () => {
    const request = toRequest('Grüße', { maxTokens: 100 });
    const json = JSON.stringify(request.messages[0]);
    const need = toGenerationNeed([request], 1, known);
    expect(need).toEqual({ prompts: [Buffer.byteLength(json) + 64], completion: 100, named: 100 });
  });

  it('is what is usual where an answer has no bound, which is an estimate', () => {
    expect(toGenerationNeed([toTextRequest('abc')], 1, known)).toEqual({
      prompts: [67],
      completion: 21,
      named: 0,
    });
  });

  it('is known where the prompt came as tokens', () => {
    const need = toGenerationNeed([toTextRequest([1, 2, 3], { maxTokens: 4 })], 1, known);
    expect(need).toEqual({ prompts: [3], completion: 4, named: 7 });
  });

  it('has each prompt once, and each choice', () => {
    const choices = ['a', 'a', 'bc', 'bc'].map((prompt) => toTextRequest(prompt, { maxTokens: 10 }));
    expect(toGenerationNeed(choices, 2, known)).toEqual({ prompts: [65, 66], completion: 40, named: 40 });
  });

  it('is never more than the context, as far as that is known', () => {
    const request = toRequest('x'.repeat(5_000), { maxTokens: 9_999 });
    const need = toGenerationNeed([request], 1, known);
    expect(need).toEqual({ prompts: [1_000], completion: 1_000, named: 1_000 });
    const { completion } = toGenerationNeed([request], 1, { ...known, contextTokens: undefined });
    expect(completion).toBe(9_999);
  });

  it('follows what templates of the model added, and how long its answers were', () => {
    const works = createRequestWorks('keys');
    expect(works.likelyTokens('tiny')).toEqual({ outputTokens: 128, templateTokens: 64 });
    const request = toRequest('Hi');
    const { work } = works.prepare(request);
    works.learnPrompt(request, work, work.promptBytes + 300);
    works.learnPrompt(request, work, 10);
    works.learnOutput(request, 40);
    expect(works.likelyTokens('tiny')).toEqual({ outputTokens: 40, templateTokens: 300 });
    expect(works.likelyTokens('other')).toEqual({ outputTokens: 128, templateTokens: 64 });
  });
});

describe('what reading needs', () => {
  it('is a token for each byte or token of each input, and some around it', () => {
    expect(toReadingNeed(['äb', [1, 2]])).toEqual({ prompts: [3 + 8 + 2 + 8], completion: 0, named: 2 });
    expect(totalOf(toReadingNeed(['x'.repeat(900), 'y'], 512))).toBe(512 + 9);
  });

  it('is the query once more for each document', () => {
    expect(totalOf(toReadingNeed(['doc', 'other'], undefined, 10))).toBe(3 + 5 + 2 * (10 + 8));
  });
});

it('an estimate that is too large has room where nothing is taken, a bound that was named has not', () => {
  const estimated = { prompts: [150], completion: 10, named: 10 };
  expect(hasRoom(0, estimated, 100)).toBe(true);
  expect(hasRoom(1, estimated, 100)).toBe(false);
  expect(hasRoom(0, { ...estimated, named: 101 }, 100)).toBe(false);
  expect(hasRoom(40, { prompts: [50], completion: 10, named: 60 }, 100)).toBe(true);
});
