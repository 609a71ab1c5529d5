import type { ReasoningTags } from './outputFormat.js';

/** Tags that the families use, in the order in which a template is searched for them. */
const known: readonly ReasoningTags[] = [
  { begin: '[THINK]', end: '[/THINK]' },
  { begin: '<|START_THINKING|>', end: '<|END_THINKING|>' },
  { begin: '<seed:think>', end: '</seed:think>' },
  { begin: '<|channel>thought', end: '<channel|>' },
  { begin: '<mm:think>', end: '</mm:think>' },
  { begin: '<|think|>', end: '<|/think|>' },
  { begin: '<think>', end: '</think>' },
];

/** The tags around a model's reasoning: those that its template writes, or looks for in the history. */
export function findReasoningTags(template: string): ReasoningTags | undefined {
  return known.find(({ begin, end }) => template.includes(end) && template.includes(begin));
}
