import { ApiError } from '../../protocol/apiError.js';
import type { Principal, TextGenerateRequest } from '../../protocol/generateRequest.js';
import type { CompletionRequest } from '../../protocol/openai/completions.js';
import { refuseStrayStreamOptions, toSampling, toStopTexts, withSeedOfChoice } from './sampling.js';

/** OpenAI's default. */
const defaultMaxTokens = 16;
/** Prompts times choices of one request. */
const maxChoices = 2048;

/**
 * A completion in the words of the worker's protocol: `n` requests for each prompt, one prompt after another.
 *
 * @throws ApiError (400) for contradictions and for what is not supported.
 */
export function toTextRequests(
  body: CompletionRequest,
  { requestId, principal }: { requestId: string; principal: Principal },
): TextGenerateRequest[] {
  refuseStrayStreamOptions(body);
  const n = body.n ?? 1;
  refuseBestOf(body.best_of, n);
  if (body.suffix != null && body.suffix !== '')
    throw new ApiError('unsupported_parameter', {
      message: "Unsupported parameter: 'suffix' is not supported by this server.",
      param: 'suffix',
    });
  const maxTokens = body.max_tokens ?? defaultMaxTokens;
  if (maxTokens === 0 && body.echo !== true)
    throw new ApiError('integer_below_min_value', {
      message: "Invalid value for 'max_tokens': expected at least 1 without 'echo', but got 0.",
      param: 'max_tokens',
    });
  const prompts = toPrompts(body.prompt);
  if (prompts.length * n > maxChoices)
    throw new ApiError('array_above_max_length', {
      message: `Invalid 'prompt': prompts times 'n' must be at most ${maxChoices}.`,
      param: 'prompt',
    });
  const sampling = toSampling(body);
  return prompts.flatMap((prompt, index) =>
    Array.from({ length: n }, (_, choice) => ({
      ...withSeedOfChoice(
        {
          requestId,
          model: body.model,
          principal,
          kind: 'text' as const,
          choice: 0,
          prompt,
          echo: body.echo ?? false,
          constraint: { type: 'text' as const },
          sampling,
          maxTokens,
          stop: toStopTexts(body.stop),
          ignoreEos: body.ignore_eos ?? false,
          topLogprobs: body.logprobs ?? null,
          deadlineMs: null,
          resumeTokens: [],
        },
        choice,
      ),
      choice: index * n + choice,
    })),
  );
}

function toPrompts(prompt: CompletionRequest['prompt']): (string | number[])[] {
  if (typeof prompt === 'string') return [prompt];
  return isTokens(prompt) ? [prompt] : prompt;
}

function isTokens(prompt: string[] | number[] | number[][]): prompt is number[] {
  return typeof prompt[0] === 'number';
}

function refuseBestOf(bestOf: number | null | undefined, n: number): void {
  if (bestOf == null || bestOf === n) return;
  throw new ApiError('unsupported_value', {
    message: `Unsupported value: 'best_of' has to equal 'n' (${n}): this server returns every choice that it makes.`,
    param: 'best_of',
  });
}
