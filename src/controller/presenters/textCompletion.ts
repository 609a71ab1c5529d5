import type { FinishReason, OutputDelta, SampledLogprob, TokenUsage } from '../../protocol/generation.js';
import type { Completion, CompletionLogprobs } from '../../protocol/openai/completions.js';
import { toTokenText } from '../../protocol/openai/logprobs.js';
import { toCompletionUsage } from '../../protocol/openai/usage.js';
import { sseDone, type SseFrame } from '../../protocol/sse.js';
import type { AnswerIdentity } from './chatCompletion.js';
import { failAsOpenAi, type Presenter } from './presenter.js';

export interface TextCompletionOptions {
  readonly identity: AnswerIdentity;
  readonly choices: number;
  readonly includeUsage: boolean;
  /** So many of the most likely tokens beside each one; null: no log probabilities at all. */
  readonly topLogprobs: number | null;
}

interface Choice {
  text: string;
  /** Characters of the tokens whose log probabilities were written. */
  offset: number;
  readonly logprobs: CompletionLogprobs;
  /** Of tokens whose text was not sent yet. */
  pending: CompletionLogprobs;
  finishReason: 'stop' | 'length';
}

/** Completions as OpenAI's: text as it comes, and a finish reason in the last chunk of each choice. */
export function createTextCompletionPresenter(options: TextCompletionOptions): Presenter {
  const { identity, includeUsage, topLogprobs } = options;
  const choices = Array.from({ length: options.choices }, (): Choice => ({
    text: '',
    offset: 0,
    logprobs: emptyLogprobs(),
    pending: emptyLogprobs(),
    finishReason: 'stop',
  }));
  let fingerprint = '';
  let usage: TokenUsage | undefined;

  const toCompletion = (answered: Completion['choices'], total?: TokenUsage | null): Completion => ({
    ...identity,
    object: 'text_completion',
    system_fingerprint: fingerprint,
    choices: answered,
    ...(total === undefined ? {} : { usage: total && toCompletionUsage(total) }),
  });
  const toFrame = (answered: Completion['choices'], total: TokenUsage | null = null): SseFrame => ({
    data: toCompletion(answered, includeUsage ? total : undefined),
  });

  function toChunk(index: number, text: string, finishReason: 'stop' | 'length' | null = null): SseFrame {
    const choice = choices[index];
    const pending = choice?.pending ?? emptyLogprobs();
    if (choice) choice.pending = emptyLogprobs();
    const logprobs = topLogprobs !== null && pending.tokens.length > 0 ? pending : null;
    return toFrame([{ index, text, logprobs, finish_reason: finishReason }]);
  }

  function takeLogprobs(
    choice: Choice,
    logprobs: readonly (SampledLogprob | null)[],
    texts?: string[],
  ): void {
    for (const [index, entry] of logprobs.entries()) {
      const token = entry ? toTokenText(entry.bytes) : (texts?.[index] ?? '');
      for (const target of [choice.logprobs, choice.pending]) {
        target.tokens.push(token);
        target.token_logprobs.push(entry?.logprob ?? null);
        target.top_logprobs.push(entry && toTop(entry));
        target.text_offset.push(choice.offset);
      }
      choice.offset += token.length;
    }
  }

  function takeText(index: number, deltas: readonly OutputDelta[]): string {
    // Text completions have no reasoning and no tools: the worker emits text only.
    const text = deltas.map(({ delta }) => delta).join('');
    const choice = choices[index];
    if (choice) choice.text += text;
    return text;
  }

  return {
    push(event) {
      switch (event.type) {
        case 'accepted':
          fingerprint = event.fingerprint;
          return [];
        case 'echo': {
          const choice = choices[event.choice];
          if (!choice) return [];
          choice.text += event.text;
          if (event.logprobs) takeLogprobs(choice, event.logprobs, firstTokenText(event));
          return event.text === '' ? [] : [toChunk(event.choice, event.text)];
        }
        case 'output': {
          const choice = choices[event.choice];
          if (choice && event.logprobs) takeLogprobs(choice, event.logprobs);
          const text = takeText(event.choice, event.deltas);
          return text === '' ? [] : [toChunk(event.choice, text)];
        }
        case 'ended': {
          const choice = choices[event.choice];
          const finishReason = toFinishReason(event.finishReason);
          if (choice) choice.finishReason = finishReason;
          return [toChunk(event.choice, takeText(event.choice, event.deltas), finishReason)];
        }
        case 'done':
          usage = event.usage;
          return [...(includeUsage ? [toFrame([], event.usage)] : []), sseDone];
        case 'progress':
          return [];
      }
    },
    result: () => {
      if (!usage) throw new Error('the answer is not complete');
      return toCompletion(
        choices.map(({ text, logprobs, finishReason }, index) => ({
          index,
          text,
          logprobs: topLogprobs === null ? null : logprobs,
          finish_reason: finishReason,
        })),
        usage,
      );
    },
    fail: failAsOpenAi,
  };
}

/** The text of the prompt's first token, which has no probability: what the others leave of the prompt. */
function firstTokenText(event: { text: string; logprobs?: (SampledLogprob | null)[] | undefined }): string[] {
  const others = (event.logprobs ?? []).map((entry) => (entry ? toTokenText(entry.bytes) : '')).join('');
  return [event.text.endsWith(others) ? event.text.slice(0, event.text.length - others.length) : ''];
}

function toTop({ top }: SampledLogprob): Record<string, number> {
  return Object.fromEntries(top.map(({ bytes, logprob }) => [toTokenText(bytes), logprob]));
}

function toFinishReason(reason: FinishReason): 'stop' | 'length' {
  return reason === 'length' ? 'length' : 'stop';
}

function emptyLogprobs(): CompletionLogprobs {
  return { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
}
