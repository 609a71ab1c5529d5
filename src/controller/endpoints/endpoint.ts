import type { z } from 'zod';
import type { ApiKey } from '../../protocol/apiKeys.js';
import type { GenerateRequest, Principal } from '../../protocol/generateRequest.js';
import type { ClientParams } from '../dispatchTarget.js';
import type { Answer } from '../respond.js';
import type { Presenter } from '../presenters/presenter.js';

/** Who asks, and under which name. */
export interface Asker {
  readonly requestId: string;
  readonly principal: Principal;
  readonly key?: ApiKey | undefined;
  /** When the client's patience ends, by `performance.now()`. */
  readonly deadlineAt?: number | undefined;
}

/** A client's request for text, understood: what to run, and how the client is told. */
export interface Generation {
  /** One for each choice. */
  readonly requests: readonly GenerateRequest[];
  /** So many in a row have the same prompt. */
  readonly choicesPerPrompt: number;
  readonly params: ClientParams;
  readonly isStream: boolean;
  readonly presenter: Presenter;
  /** Keeps what has to be kept of it: see {@link Answer.keep}. */
  readonly keep?: Answer['keep'];
}

/** One of the ways to ask for text, apart from HTTP: batches use them as well. */
export interface GenerationEndpoint<Body extends { model: string } = { model: string }> {
  /** `/v1/…` */
  readonly path: string;
  readonly schema: z.ZodType<Body>;
  /** @throws ApiError where the body, which fits the schema, cannot be run. */
  prepare(body: Body, asker: Asker): Generation | Promise<Generation>;
}
