import { hermesCalls } from './hermes.js';
import type { ModelFamily } from './modelFamily.js';
import { createTaggedFormat } from './taggedFormat.js';

/** A model that was not trained on tools, or on a syntax that is not known here: the prompt asks for Hermes' form. */
export const generic: ModelFamily = {
  name: 'generic',
  matches: () => true,
  createFormat: (_template, reasoning) =>
    createTaggedFormat({
      name: 'generic',
      tools: 'prompt',
      reasoning,
      syntax: hermesCalls,
      markers: ['</tool_call>'],
    }),
};
