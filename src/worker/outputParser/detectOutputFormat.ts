import { deepSeek } from './deepSeek.js';
import { functionary } from './functionary.js';
import { gemma } from './gemma.js';
import { generic } from './generic.js';
import { glm } from './glm.js';
import { gptOss } from './gptOss.js';
import { hermes } from './hermes.js';
import { kimi } from './kimi.js';
import { listFamilies } from './listCalls.js';
import { llama3 } from './llama3.js';
import { miniMax } from './miniMax.js';
import { mistralList, mistralNamed } from './mistral.js';
import type { ModelFamily } from './modelFamily.js';
import type { OutputFormat } from './outputFormat.js';
import { qwenCoder, seed } from './qwenCoder.js';
import { findReasoningTags } from './reasoningTags.js';

/** The first that matches is taken: those with marks of their own before those that share theirs. */
const families: readonly ModelFamily[] = [
  gptOss,
  gemma,
  kimi,
  deepSeek,
  miniMax,
  seed,
  glm,
  qwenCoder,
  functionary,
  mistralNamed,
  mistralList,
  ...listFamilies,
  llama3,
  hermes,
  generic,
];

/** The format in which the model of this chat template answers; without a template it is the generic one. */
export function detectOutputFormat(chatTemplate: string | undefined): OutputFormat {
  const template = chatTemplate ?? '';
  const family = families.find(({ matches }) => matches(template)) ?? generic;
  return family.createFormat(template, findReasoningTags(template));
}

/** The format that the prompt asks for in words, with the reasoning tags of this template. */
export function genericOutputFormat(chatTemplate: string): OutputFormat {
  return generic.createFormat(chatTemplate, findReasoningTags(chatTemplate));
}
