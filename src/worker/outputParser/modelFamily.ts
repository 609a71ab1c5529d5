import type { OutputFormat, ReasoningTags } from './outputFormat.js';

/** A family of models that write tool calls in one way; which one a model belongs to is read off its chat template. */
export interface ModelFamily {
  readonly name: string;
  matches(template: string): boolean;
  /** `reasoning`: the tags that the template mentions. */
  createFormat(template: string, reasoning: ReasoningTags | undefined): OutputFormat;
}
