import {
  anonymousPrincipal,
  defaultSampling,
  type ChatGenerateRequest,
} from '../../src/protocol/generateRequest.js';
import { templateTokens, textOf, type Segment } from './conversations.js';

export function countPromptTokens(prompt: readonly Segment[]): number {
  return prompt.reduce((sum, { tokens }) => sum + tokens + templateTokens, 0);
}

export function toMessages(prompt: readonly Segment[]): ChatGenerateRequest['messages'] {
  return prompt.map((segment) => ({ role: segment.role, content: textOf(segment) }));
}

/** The request as the controller makes it of a client's. */
export function toGenerateRequest(model: string, prompt: readonly Segment[]): ChatGenerateRequest {
  return {
    requestId: prompt.at(-1)?.id ?? '',
    model,
    principal: anonymousPrincipal,
    choice: 0,
    sampling: { ...defaultSampling, seed: 1 },
    constraint: { type: 'text' },
    maxTokens: null,
    stop: [],
    ignoreEos: false,
    topLogprobs: null,
    deadlineMs: null,
    resumeTokens: [],
    kind: 'chat',
    messages: toMessages(prompt),
    tools: [],
    toolChoice: 'none',
    parallelToolCalls: true,
    templateOptions: {},
  };
}
