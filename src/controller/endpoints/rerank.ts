import { randomUUID } from 'node:crypto';
import { toReadingUsage } from '../../protocol/openai/embeddings.js';
import {
  RerankRequest,
  TextsRerankRequest,
  type RerankResult,
  type TextsRerankResult,
} from '../../protocol/openai/rerank.js';
import { equals, never, refuseParameters } from '../../protocol/openai/unsupportedParameters.js';
import { parseBody } from '../../protocol/parseBody.js';
import { toReadingNeed } from '../limits/toTokenNeed.js';
import { resolveModel } from '../routes/models.js';
import { toReadingWork } from '../requestWork.js';
import { chooseForm } from './chooseForm.js';
import { noteModel, type Execute, type ExecuteDeps } from './execute.js';

/** A document that is too long is refused, never cut; scores are from 0 to 1. */
export const unsupportedInRerank = {
  max_chunks_per_doc: never,
  max_tokens_per_doc: never,
  truncate_prompt_tokens: never,
  raw_scores: equals(false),
  rank_fields: (value: unknown) => JSON.stringify(value) === '["text"]',
};

/** OpenAI has no such endpoint: Cohere's two versions, Jina's, and those of llama.cpp's server. */
export const rerankPaths = ['/v1/rerank', '/rerank', '/v2/rerank', '/v1/reranking', '/reranking'] as const;

const documentsOfSearchUnit = 100;

/** `POST /v1/rerank`, in Cohere's form or in TEI's. */
export function createRerank({ dispatcher, workers, models }: ExecuteDeps): Execute {
  return async function executeRerank(body, asker, signal, inference) {
    const { requestId, principal, deadlineAt } = asker;
    const form = chooseForm(body, ['texts', 'documents']) === 'texts' ? readTexts(body) : readDocuments(body);
    const { request, param, documents } = form;
    refuseParameters(request, unsupportedInRerank);
    const model = resolveModel(models, asker, request.model, 'ranking');
    const trace = noteModel(inference, model);
    const queryBytes = Buffer.byteLength(request.query);
    inference?.account?.reserve(() =>
      toReadingNeed(documents, models.factsOf(model)?.contextTokens, queryBytes),
    );

    const { scores, promptTokens } = await dispatcher.call(
      {
        requestId,
        principal,
        model,
        work: toReadingWork([request.query, ...documents]),
        content: () => ({ model, query: request.query, documents }),
      },
      { signal, trace, promptParam: param, inputParam: (index) => `${param}[${index}]`, deadlineAt },
      (url, attempt) => workers.rank(url, { model, principal, query: request.query, documents }, attempt),
    );
    trace.promptTokens = promptTokens;
    return form.present({ best: pickBest(scores, request.top_n), model, promptTokens });
  };
}

interface Ranking {
  readonly best: readonly { readonly index: number; readonly score: number }[];
  readonly model: string;
  readonly promptTokens: number;
}

/** One of the ways to ask for a ranking. */
interface RerankForm {
  readonly request: RerankRequest | TextsRerankRequest;
  readonly documents: string[];
  /** What the client calls them. */
  readonly param: string;
  present(ranking: Ranking): object;
}

function readDocuments(body: unknown): RerankForm {
  const request = parseBody(RerankRequest, body);
  const documents = request.documents.map((document) =>
    typeof document === 'string' ? document : document.text,
  );
  const withTexts = request.return_documents === true;
  return {
    request,
    documents,
    param: 'documents',
    present: ({ best, model, promptTokens }): RerankResult => ({
      id: `rerank-${randomUUID().replaceAll('-', '')}`,
      object: 'list',
      model,
      results: best.map(({ index, score }) => ({
        index,
        relevance_score: score,
        ...(withTexts && { document: { text: documents[index] ?? '' } }),
      })),
      usage: toReadingUsage(promptTokens),
      meta: { billed_units: { search_units: Math.ceil(documents.length / documentsOfSearchUnit) } },
    }),
  };
}

function readTexts(body: unknown): RerankForm {
  const request = parseBody(TextsRerankRequest, body);
  const { texts, return_text: withTexts } = request;
  return {
    request,
    documents: texts,
    param: 'texts',
    present: ({ best }): TextsRerankResult =>
      best.map(({ index, score }) => ({ index, score, ...(withTexts && { text: texts[index] ?? '' }) })),
  };
}

/** The highest scores first, of equal ones the first document; 0 or nothing: all of them. */
function pickBest(scores: readonly number[], count: number | null | undefined): Ranking['best'] {
  const sorted = scores.map((score, index) => ({ index, score })).sort((a, b) => b.score - a.score);
  return count ? sorted.slice(0, count) : sorted;
}
